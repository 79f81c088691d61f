/* readings.h - what one part of a job of bbu-index found in the files that it decoded (bbu-readings(5)): a record per
 * image of the dataset's list, in its order. The parts of a job are joined to a catalogue.
 *
 *   writing:  readings_create(&w, &io, &header, &prov, e);  readings_add(&w, &reading, e) ...;
 *             readings_finish(&w, e);                    readings_abandon(&w), instead, gives up
 *   reading:  readings_open(&r, &io, e);
 *             readings_next(&r, &reading, e) until FMT_END   any source; exactly the images of the part, or an error
 *             readings_close(&r);
 *
 * The parts of a job have one identity: of the settings of reading, and of the list.
 */
#ifndef READINGS_H
#define READINGS_H

#include <stdbool.h>

#include "block.h"
#include "index.h"
#include "part.h"
#include "provenance.h"

#define READINGS_MAJOR 1
#define READINGS_MINOR 1 /* 1.1: kinds of files, and how they are decoded; written where a part needs it */
#define READINGS_KIND_MAX 64    /* bytes */
#define READINGS_REASON_MAX 1024

struct readings_header {
    struct part part; /* n >= 1 */
    int64_t n_images; /* of the list, in all parts */
    bool files;       /* records may be of other files than whole JPEG files: version 1.1, else 1.0 is written */
};

enum reading_state {
    READING_NONE, /* was not to be read: the list is wrong about it, or repeats an entry */
    READING_GOOD,
    READING_ODD, /* decoded, with a warning */
    READING_BAD  /* an error */
};

struct image_reading { /* texts of a reader live until the next call */
    const char *path;
    enum reading_state state;
    int64_t bytes; /* READING_GOOD and READING_ODD, as in a catalogue; else zeros */
    int32_t width, height, components;
    enum index_kind kind_of_file; /* in files of version 1.1, as what follows; else zeros */
    struct index_decoding decoding;
    uint16_t sample_max; /* the largest of 16 bits; 0: samples have at most 8 */
    uint8_t sha256[DIGEST_BYTES];
    const char *kind, *reason; /* READING_ODD and READING_BAD: the finding, as in reports of bbu-index; else "" */
};

struct readings_writer {
    struct block_writer block;
    bool files;                    /* of the header */
    struct fmt_buffer raw, record; /* of the current block; the last record */
    uint32_t n_raw;
};

int readings_create(struct readings_writer *w, const struct fmt_writer *io, const struct readings_header *h,
                    const struct provenance *p, struct fmt_error *e);
int readings_add(struct readings_writer *w, const struct image_reading *reading, struct fmt_error *e);
int readings_finish(struct readings_writer *w, struct fmt_error *e); /* also releases w, whether it fails or not */
void readings_abandon(struct readings_writer *w);

struct readings {
    struct block_reader block; /* .header.identity: of the job */
    struct readings_header header;
    struct block_buffer buffer;
    const uint8_t *at; /* in the buffer: what follows the last record */
    uint32_t n_taken;  /* records of the buffer */
    int64_t n;         /* records so far */
};

int readings_open(struct readings *r, const struct fmt_reader *io, struct fmt_error *e);
int readings_next(struct readings *r, struct image_reading *reading, struct fmt_error *e);
void readings_close(struct readings *r); /* a zeroed struct is allowed */

#endif
