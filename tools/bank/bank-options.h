/* bank-options.h - texts of options as numbers. */
#ifndef BANK_OPTIONS_H
#define BANK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* "10000", "0.1" or "10%" of n tokens; 0: it is none of these. */
int64_t bank_size_parse(const char *text, int64_t n);
/* "LOW,HIGH", the first one lower. */
bool bank_scale_parse(const char *text, double scale[2]);

#endif
