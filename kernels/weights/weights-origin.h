/* weights-origin.h - the origin of the weights in a file, for bbu-info --trace (trace-record.h).
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

struct weights_origin { /* texts; NULL: not recorded in the file */
    char *tool, *iteration;
    char *inputs; /* JSON array of the inputs; NULL: nothing is known, and the other texts are NULL too */
    char *hash;   /* of the weights (weights_hash), from the file's metadata */
};

/* From the provenance of a checkpoint or the metadata of other files; FMT_MEMORY. */
int weights_origin_read(struct weights_origin *o, const struct tensorfile *f, struct fmt_error *e);
/* After values were rounded: the origin becomes that of a new network, made by `tool` from the one with this hash, and
 * from further inputs (a JSON array, as provenance_inputs_json makes it; NULL: none). */
int weights_origin_derive(struct weights_origin *o, const char *hash, const char *tool, const char *further,
                          struct fmt_error *e);
/* Whether the weights with this hash are among the inputs that the metadata of a file name. */
bool weights_origin_names(const struct weights_origin *o, const char *hash);
void weights_origin_release(struct weights_origin *o);

#endif
