/* tensorfile.h - a file of named tensors of any kind: safetensors, .pth, the index of several such files
 * (model.safetensors.index.json), or a dinotools checkpoint, in one file or a set. The first bytes show the kind.
 *
 *   struct tensorfile f;
 *   tensorfile_open(&f, path, e);     "-" is standard input, which is read into memory; a folder means the file in
 *                                     it with a name of Hugging Face: model.safetensors, pytorch_model.bin, or an index
 *   tensorfile_open_over(&f, name, &reader, e);      or: a file inside another one
 *   ... f.set ...                     (named-tensor.h); for one thread at a time
 *   tensorfile_close(&f);
 */
#ifndef TENSORFILE_H
#define TENSORFILE_H

#include "checkpoint-reader.h"
#include "file.h"
#include "named-tensor.h"

enum tensorfile_kind { TENSORFILE_SAFETENSORS, TENSORFILE_PTH, TENSORFILE_CKPT };
extern const char *const tensorfile_kind_name[]; /* "safetensors", "pth", "checkpoint" */

struct tensorfile {
    char *path; /* of the file; if a folder was given, of the file in it */
    bool inside; /* tensorfile_open_over: path is only a name, and nothing lies beside it */
    enum tensorfile_kind kind;
    struct named_tensor_set set;
    struct tensorfile_part *part; /* [n_parts] the open files */
    int n_parts;
    struct checkpoint_reader checkpoint; /* TENSORFILE_CKPT */
    struct tensorfile_ckpt *ckpt_part;
};

int tensorfile_open(struct tensorfile *f, const char *path, struct fmt_error *e); /* errors name the path */
/* A single file as a source of bytes, with read_at and a size, which must outlive f. name: for errors. */
int tensorfile_open_over(struct tensorfile *f, const char *name, const struct fmt_reader *reader, struct fmt_error *e);
void tensorfile_close(struct tensorfile *f);

#endif
