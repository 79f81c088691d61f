/* pth.h - PyTorch's .pth files -> named tensors, and named tensors -> .pth. Nothing is ever executed: the pickle is
 * read by a machine that builds plain values (pickle.h), and only the values that make up a state dict are understood.
 *
 * Reading: the zip container (PyTorch >= 1.6) and the older one. The nested dictionaries and lists of the file are
 * walked; a tensor's name is the path of its keys, joined by dots: {"teacher": {"backbone.norm.bias": T}} gives
 * "teacher.backbone.norm.bias". Views (strided, of a shared storage) remain views. An object made by an unknown name
 * is listed with .unusable set: only a caller that needs it fails. Other values (numbers, texts) are left out.
 *
 * Writing: the zip container, protocol 2, records at multiples of 64 bytes, zip64 if sizes require it: a file that
 * torch.load(..., weights_only=True) accepts.
 */
#ifndef PTH_H
#define PTH_H

#include "named-tensor.h"

bool pth_is(const uint8_t *head, size_t n); /* do these first bytes (8 or more) look like one? */

/* r must have read_at and a size, and outlive the set. */
int pth_read(const struct fmt_reader *r, struct named_tensor_set *set, struct fmt_error *e);

/* top: the key of the outer dictionary that holds the tensors ("teacher"), or NULL: the file is the dictionary. */
int pth_write(const struct fmt_writer *w, const char *top, const struct named_tensor_out *list, int64_t n,
              const struct named_tensor_values *values, struct fmt_error *e);

#endif
