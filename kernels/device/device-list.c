/* device-list.c - the devices that programs of this build can compute on. */
#include "cpu.h"
#include "device.h"

const struct backend *const device_list[] = {&backend_cpu, NULL};
