/* trace.h - the way from a file back to the photographs: what it was made from, what that was made from, and so on, as
 * far as the files are there (identity-search.h) or the provenance that files keep of their inputs reaches.
 *
 *   file_open(&f, "scores.json", e);
 *   trace_file(&files, "scores.json", &f, tell, arg, e);
 *
 * The first file is one of ours, weights, or a report or predictions of feat-knn or feat-logreg (text or JSON), whose
 * first lines name what they were made from.
 */
#ifndef TRACE_H
#define TRACE_H

#include "file.h"
#include "identity-search.h"

/* Keys of the metadata of weights that dino-train wrote: a JSON array of inputs as provenance has it, the iteration,
 * and the hash of the backbone. */
#define TRACE_META_TOOL "tool"
#define TRACE_META_INPUTS "inputs"
#define TRACE_META_ITERATION "iteration"
#define TRACE_META_WEIGHTS "weights"

enum { TRACE_DEPTH_MAX = 32, TRACE_NOTE = 160, TRACE_KIND = 64 };

struct trace_link {
    int depth;        /* 1: what the file itself was made from */
    char kind[TRACE_KIND + 1]; /* the role in what it was used for: "catalogue", "weights", "query", "photographs" ...,
                                * without control characters */
    char identity[DIGEST_HEX]; /* "" for photographs */
    const char *path; /* of shards their folder, with a slash; NULL: no such file was found */
    bool is_file;     /* false: a digest of contents or of names, which no file carries */
    char note[TRACE_NOTE]; /* "by bbu-pack", "iteration 499"; "" if there is nothing to say */
};

/* f: the file, open and able to seek, as a copy of a pipe is; NULL: path is a folder of shards. FMT_MAGIC if it is none
 * that says what it was made from; where it is damaged, that. Errors name the path. */
int trace_file(struct identity_search *files, const char *path, struct file *f,
               void (*tell)(void *arg, const struct trace_link *link), void *arg, struct fmt_error *e);

/* Is it a report or predictions that trace_file can follow? */
bool trace_is_report(struct file *f);

#endif
