/* weights-origin.h - where the weights in a file come from, as bbu-info --trace follows it (trace-record.h).
 *
 *   struct weights_origin o;
 *   weights_origin_read(&o, &w.file, e);
 *   if (rounded) weights_origin_derive(&o, hash, tool, e);
 *   ... o.tool, o.iteration, o.inputs, o.hash as metadata of the file that is written ...
 *   weights_origin_release(&o);
 */
#ifndef WEIGHTS_ORIGIN_H
#define WEIGHTS_ORIGIN_H

#include "tensorfile.h"

struct weights_origin { /* texts, or NULL: the file does not record it */
    char *tool, *iteration;
    char *inputs; /* JSON array of the inputs; NULL: nothing is known, the other texts are NULL too */
    char *hash;   /* that the file's metadata gives for its weights (weights_hash) */
};

/* From the provenance of a checkpoint or the metadata of other files; FMT_MEMORY. */
int weights_origin_read(struct weights_origin *o, const struct tensorfile *f, struct fmt_error *e);
/* Rounded values are another network, of another hash, made by `tool` from the one of this origin and hash. */
int weights_origin_derive(struct weights_origin *o, const char *hash, const char *tool, struct fmt_error *e);
void weights_origin_release(struct weights_origin *o);

#endif
