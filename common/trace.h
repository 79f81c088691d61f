/* trace.h - tracing a file back to the photographs: what it was made from, what that was made from, and so on, as far
 * as the files exist (identity-search.h) or the nested provenance of files reaches.
 *
 *   file_open(&f, "scores.json", e);
 *   trace_file(&files, "scores.json", &f, found, arg, e);
 *
 * The first file is a dinotools file, weights, or a report or predictions of feat-knn or feat-logreg (text or JSON),
 * whose first lines name their inputs.
 */
#ifndef TRACE_H
#define TRACE_H

#include "file.h"
#include "identity-search.h"

enum { TRACE_DEPTH_MAX = 32, TRACE_NOTE_BYTES = 160, TRACE_KIND_MAX = 64 };

struct trace_link {
    int depth;                     /* 1: an input of the file itself */
    char kind[TRACE_KIND_MAX + 1]; /* its role as an input: "catalogue", "weights", "query", "photographs" ...;
                                    * control characters are replaced */
    char identity[DIGEST_HEX];     /* "" for photographs */
    const char *path;              /* of shards their folder, with a slash; NULL: no such file was found */
    bool is_file;                  /* false: a digest of contents or names, which is no file's identity */
    char note[TRACE_NOTE_BYTES];   /* "by bbu-pack", "iteration 499", or "" */
};

/* Calls `found` for each input, inputs of inputs after it. f: the file, open and seekable (a pipe must be copied);
 * NULL: path is a folder of shards. FMT_MAGIC: the file does not record its inputs. Errors name the path. */
int trace_file(struct identity_search *files, const char *path, struct file *f,
               void (*found)(void *arg, const struct trace_link *link), void *arg, struct fmt_error *e);

/* Is it a report or predictions that trace_file can follow? */
bool trace_is_report(struct file *f);

#endif
