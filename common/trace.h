/* trace.h - the way from a file back to the photographs: what it was made from, what that was made from, and so on, as
 * far as the files are there (idfiles.h) or the provenance that files keep of their inputs reaches.
 *
 *   trace_file(&files, "scores.json", tell, arg, e);
 *
 * The first file is one of ours, weights, or a report or predictions of feat-knn or feat-logreg (text or JSON), whose
 * first lines name what they were made from.
 */
#ifndef TRACE_H
#define TRACE_H

#include "idfiles.h"

/* Keys of the metadata of weights that dino-train wrote: a JSON array of inputs as provenance has it, the iteration,
 * and the hash of the backbone. */
#define TRACE_META_INPUTS "inputs"
#define TRACE_META_ITERATION "iteration"
#define TRACE_META_WEIGHTS "weights"

enum { TRACE_DEPTH_MAX = 32, TRACE_NOTE = 160 };

struct trace_link {
    int depth;        /* 1: what the file itself was made from */
    const char *kind; /* the role in what it was used for: "catalogue", "weights", "query", "photographs" ... */
    char identity[DIGEST_HEX]; /* "" for photographs */
    const char *path; /* of shards their folder, with a slash; NULL: no such file was found */
    bool is_file;     /* false: a digest of contents or of names, which no file carries */
    char note[TRACE_NOTE]; /* "by bbu-pack", "iteration 499"; "" if there is nothing to say */
};

/* FMT_MAGIC if the file is none that says what it was made from. Errors name the path. */
int trace_file(struct idfiles *files, const char *path, void (*tell)(void *arg, const struct trace_link *link),
               void *arg, struct fmt_error *e);

#endif
