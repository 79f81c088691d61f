/* tensorfile.h - a file of named tensors by its path, whatever its kind: safetensors, .pth, the index of a set of
 * several (model.safetensors.index.json), or a checkpoint of ours. The kind is told from the first bytes.
 *
 *   struct tensorfile f;
 *   tensorfile_open(&f, path, e);     "-" is standard input, which is read into memory; of a folder the file in it that
 *                                     has a name of Hugging Face: model.safetensors, pytorch_model.bin, or their index
 *   ... f.set ...                     (named-tensor.h); of one thread at a time
 *   tensorfile_close(&f);
 */
#ifndef TENSORFILE_H
#define TENSORFILE_H

#include "ckpt.h"
#include "file.h"
#include "named-tensor.h"

enum tensorfile_kind { TENSORFILE_SAFETENSORS, TENSORFILE_PTH, TENSORFILE_CKPT };
extern const char *const tensorfile_kind_name[]; /* "safetensors", "pth", "checkpoint" */

struct tensorfile {
    char *path; /* of the file; of a folder, of the file in it */
    enum tensorfile_kind kind;
    struct named_tensor_set set;
    struct tensorfile_part *part; /* the files behind it */
    int n_parts;
    struct ckpt ckpt; /* TENSORFILE_CKPT: header.iteration, header.state ... */
    struct tensorfile_ckpt *ckpt_part;
};

int tensorfile_open(struct tensorfile *f, const char *path, struct fmt_error *e); /* errors name the path */
void tensorfile_close(struct tensorfile *f);

#endif
