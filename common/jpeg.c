/* jpeg.c - decoding: libjpeg with its own error manager. On errors its calls longjmp; on warnings they go on and fill
 * in grey. So warnings are sorted: one that means lost data ends the decoding like an error, the others become notes.
 * What libjpeg does not warn about is checked at the end: in a progressive file, whether each coefficient of each
 * component came; in a file of several scans, whether each component did.
 *
 * At the end of the bytes the decoder is given an end mark, as the library advises. If it needs more bits it says so
 * ("premature end of data segment"), and the image is refused, or filled; if not, only the mark was missing. */
#include "jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "exif.h"
#include "jpeg-codes.h"
#include "num.h"

enum {
    STRIP_ROWS = 16,
    FILLED_SHARE = 16, /* of the fewest bytes: jpeg.h */
    PADDING_MAX = 64,  /* bytes that an encoder may add to the coded data */
    APP1 = JPEG_APP0 + 1,
    APP1_BYTES_MAX = 65533
};

struct decoder {
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    struct fmt_error *e;
    struct image_notes notes;
    const uint8_t *file;
    int status;       /* of the error that it escaped from */
    bool fill;        /* of image_settings */
    bool ran_out;     /* the bytes ended before the end mark */
    bool complete;    /* all pixels are decoded: an error now loses nothing */
    unsigned arrived; /* bit i: component i was in a scan */
    int rows_at_end;  /* rows_whole() when the bytes ended */
    int rows;         /* of a file that is cut short: those that came whole */
    int scans_max;
};

static void escape(struct decoder *d)
{
    longjmp(d->escape, 1);
}

static enum fmt_status status_of(const struct decoder *d, int code)
{
    switch (code) {
    case JERR_NO_SOI: return FMT_MAGIC;
    case JERR_OUT_OF_MEMORY: return FMT_MEMORY;
    case JERR_IMAGE_TOO_BIG: return FMT_LIMIT;
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_NOTIMPL: return FMT_UNSUPPORTED;
    case JERR_NO_IMAGE: return FMT_TRUNCATED;
    default: return d->ran_out ? FMT_TRUNCATED : FMT_INVALID;
    }
}

static void on_error(j_common_ptr c)
{
    struct decoder *d = c->client_data;
    char text[JMSG_LENGTH_MAX];
    c->err->format_message(c, text);
    if (d->complete) {
        image_note_damage(&d->notes, "after the image: %.120s", text);
        escape(d);
    }
    enum fmt_status status = status_of(d, c->err->msg_code);
    if (status == FMT_TRUNCATED)
        d->status = fmt_fail(d->e, status, "JPEG ends before its image data (%.120s)", text);
    else if (status == FMT_MAGIC)
        d->status = fmt_fail(d->e, status, "not a JPEG file");
    else
        d->status =
            fmt_fail(d->e, status, "%s JPEG: %.120s", status == FMT_UNSUPPORTED ? "unsupported" : "broken", text);
    escape(d);
}

/* The position of the decoder, for a message. */
static void position_text(const struct decoder *d, char *out, size_t n)
{
    const struct jpeg_decompress_struct *c = &d->c;
    if (c->input_scan_number > 1 || c->progressive_mode)
        snprintf(out, n, "in scan %d", c->input_scan_number);
    else
        snprintf(out, n, "near line %u of %u", (unsigned)c->output_scanline, (unsigned)c->image_height);
}

/* What a warning says is lost; NULL: nothing. */
static const char *loss_of(int code)
{
    switch (code) {
    case JWRN_HIT_MARKER: return "coded data is missing";
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC: return "coded data is damaged";
    case JWRN_BOGUS_PROGRESSION: return "scans are missing";
    default: return NULL;
    }
}

/* All pixels came from fewer bytes than the scan has: zeros, as a transfer that broke off leaves them, are codes as
 * well, of flat blocks. Between two restart marks there is no padding. A few bytes are no proof: cameras are known that
 * end their pictures so. */
static bool is_left_over(const struct decoder *d)
{
    const struct jpeg_error_mgr *m = d->c.err;
    int n = m->msg_parm.i[0], marker = m->msg_parm.i[1];
    bool restart = marker >= JPEG_RST0 && marker <= JPEG_RST0 + 7;
    return m->msg_code == JWRN_EXTRANEOUS_DATA && d->c.input_scan_number > 0 && (restart || n > PADDING_MAX);
}

/* Whether what is missing is missing because the data end here. */
static bool may_fill(const struct decoder *d)
{
    return d->fill && (d->ran_out || d->c.unread_marker == JPEG_EOI);
}

/* The rows of pixels that the scan which is read has given so far. A scan of refinements, the last bits of what came
 * before, takes none away. */
static int rows_whole(const struct decoder *d)
{
    const struct jpeg_decompress_struct *c = &d->c;
    int64_t rows = (int64_t)c->input_iMCU_row * c->max_v_samp_factor * DCTSIZE;
    return (int)(c->Ah > 0 ? c->image_height : num_min(rows, c->image_height));
}

/* The first note: what was noted before matters less. Of several gaps the first row counts. */
static void note_filled(struct decoder *d, const char *where, int rows)
{
    d->rows = d->notes.filled ? (int)num_min(d->rows, rows) : rows;
    if (d->notes.filled)
        return;
    d->notes.filled = true;
    d->notes.n++;
    snprintf(d->notes.text, sizeof d->notes.text, "cut short (%s)", where);
}

/* Whether the bytes that the library has just passed over are zeros: padding, which some cameras write. */
static bool is_padding(const struct decoder *d)
{
    const uint8_t *end = d->source.next_input_byte;
    int n = d->c.err->msg_parm.i[0];
    if (d->ran_out || n > end - d->file)
        return false;
    while (n > 0 && end[-n] == 0)
        n--;
    return n == 0;
}

/* A warning that loses nothing for certain. Stray bytes are what a changed bit leaves where codes became shorter, and
 * an unknown transform of colours is guessed. The others, an unknown revision of JFIF or limits of a scan that have no
 * meaning in a sequential file, are habits of encoders. */
static void note_warning(struct decoder *d)
{
    const struct jpeg_error_mgr *m = d->c.err;
    char text[JMSG_LENGTH_MAX];
    if (m->msg_code == JWRN_EXTRANEOUS_DATA)
        snprintf(text, sizeof text, "%s before marker %02x", FMT_COUNT(m->msg_parm.i[0], "stray byte", "stray bytes"),
                 (unsigned)m->msg_parm.i[1]);
    else
        m->format_message((j_common_ptr)&d->c, text);
    if ((m->msg_code == JWRN_EXTRANEOUS_DATA && !is_padding(d)) || m->msg_code == JWRN_ADOBE_XFORM)
        image_note_damage(&d->notes, "%.150s", text);
    else
        image_note(&d->notes, "%.150s", text);
}

static void on_message(j_common_ptr c, int level)
{
    struct decoder *d = c->client_data;
    char where[48];
    if (level >= 0)
        return; /* tracing */
    if (is_left_over(d)) {
        d->status = fmt_fail(d->e, FMT_TRUNCATED, "coded data is damaged (%s left over before marker %02x)",
                             FMT_COUNT(c->err->msg_parm.i[0], "byte is", "bytes are"),
                             (unsigned)c->err->msg_parm.i[1]);
        escape(d);
    }
    if (!d->complete) {
        const char *loss = loss_of(c->err->msg_code);
        position_text(d, where, sizeof where);
        if (loss && may_fill(d)) {
            note_filled(d, where, rows_whole(d));
            return;
        }
        if (loss) {
            d->status = fmt_fail(d->e, FMT_TRUNCATED, "%s (%s%s)", loss, where,
                                 d->ran_out ? "; the file is cut short" : "");
            escape(d);
        }
    }
    note_warning(d);
}

static void source_nothing(j_decompress_ptr c)
{
    (void)c;
}

static boolean source_fill(j_decompress_ptr c)
{
    static const JOCTET end_mark[2] = {0xFF, JPEG_EOI};
    struct decoder *d = c->client_data;
    if (!d->ran_out)
        d->rows_at_end = rows_whole(d);
    d->ran_out = true;
    c->src->next_input_byte = end_mark;
    c->src->bytes_in_buffer = sizeof end_mark;
    return TRUE;
}

static void source_skip(j_decompress_ptr c, long n)
{
    if (n <= 0)
        return;
    if ((unsigned long)n > c->src->bytes_in_buffer) {
        source_fill(c);
        return;
    }
    c->src->next_input_byte += n;
    c->src->bytes_in_buffer -= (size_t)n;
}

/* Called for every row of blocks: limits the scans, and notes which components they have. */
static void on_progress(j_common_ptr common)
{
    struct decoder *d = common->client_data;
    const struct jpeg_decompress_struct *c = &d->c;
    if (c->input_scan_number > d->scans_max) {
        d->status = fmt_fail(d->e, FMT_LIMIT, "more than %d scans", d->scans_max);
        escape(d);
    }
    for (int i = 0; i < c->comps_in_scan; i++)
        d->arrived |= 1u << c->cur_comp_info[i]->component_index;
}

static void decoder_init(struct decoder *d, const void *data, size_t bytes, struct fmt_error *e)
{
    memset(d, 0, sizeof *d);
    d->e = e;
    d->file = data;
    d->scans_max = JPEG_SCANS_MAX;
    d->c.err = jpeg_std_error(&d->errors);
    d->errors.error_exit = on_error;
    d->errors.emit_message = on_message;
    d->c.client_data = d;
    d->source = (struct jpeg_source_mgr){.next_input_byte = data,
                                         .bytes_in_buffer = bytes,
                                         .init_source = source_nothing,
                                         .fill_input_buffer = source_fill,
                                         .skip_input_data = source_skip,
                                         .resync_to_restart = jpeg_resync_to_restart,
                                         .term_source = source_nothing};
    d->progress.progress_monitor = on_progress;
}

/* The first EXIF segment decides. What only XMP says is not applied, but noted. */
static int orientation_of(struct decoder *d, const struct image_settings *settings)
{
    int exif = -1, xmp = 0;
    if (settings->orientation >= 1 && settings->orientation <= 8)
        return settings->orientation;
    for (const struct jpeg_marker_struct *m = d->c.marker_list; m; m = m->next) {
        bool is_exif = m->marker == APP1 && m->data_length >= 6 && memcmp(m->data, "Exif\0", 6) == 0;
        if (is_exif && exif < 0)
            exif = exif_orientation(m->data, m->data_length);
        else if (!is_exif && m->marker == APP1 && xmp == 0)
            xmp = exif_xmp_orientation(m->data, m->data_length);
    }
    if (exif <= 0 && xmp > 1)
        image_note(&d->notes, "orientation %d is only in XMP, not in EXIF, and is not applied", xmp);
    return exif > 0 ? exif : 1;
}

/* A Huffman-coded block takes at least one bit for its mean and, where the other coefficients are in the same scan, one
 * for its end (arithmetic coding has no such minimum). So a header that claims too large an image is found by counting,
 * before memory is allocated. */
static int check_size(struct decoder *d, size_t bytes, const struct image_settings *settings)
{
    const struct jpeg_decompress_struct *c = &d->c;
    int64_t pixels = (int64_t)c->image_width * (int64_t)c->image_height, blocks = 0;
    int status = image_check_size(c->image_width, c->image_height, settings, d->e);
    if (status)
        return status;
    for (int i = 0; i < c->num_components; i++) {
        const jpeg_component_info *part = &c->comp_info[i];
        int64_t across = num_ceil_div((int64_t)c->image_width * part->h_samp_factor, 8 * c->max_h_samp_factor);
        int64_t down = num_ceil_div((int64_t)c->image_height * part->v_samp_factor, 8 * c->max_v_samp_factor);
        blocks += across * down;
    }
    int64_t bits = (c->progressive_mode ? blocks : 2 * blocks) / (settings->fill ? FILLED_SHARE : 1);
    if (!c->arith_code && (int64_t)bytes < bits / 8)
        return fmt_fail(d->e, FMT_TRUNCATED, "%zu bytes cannot hold the coded data of %u x %u pixels", bytes,
                        (unsigned)c->image_width, (unsigned)c->image_height);
    int64_t scans = 64 * (int64_t)IMAGE_PIXELS_MAX / pixels;
    d->scans_max = (int)num_min(JPEG_SCANS_MAX, num_max(64, scans));
    return 0;
}

static int choose_colour(struct decoder *d, struct image_info *info)
{
    struct jpeg_decompress_struct *c = &d->c;
    if (c->data_precision != 8)
        return fmt_fail(d->e, FMT_UNSUPPORTED, "unsupported JPEG: %d bits a sample", c->data_precision);
    info->components = 3;
    switch (c->jpeg_color_space) {
    case JCS_GRAYSCALE:
        c->out_color_space = JCS_GRAYSCALE;
        info->components = 1;
        return 0;
    case JCS_YCbCr:
    case JCS_RGB: c->out_color_space = JCS_RGB; return 0;
    case JCS_CMYK:
    case JCS_YCCK: c->out_color_space = JCS_CMYK; return 0;
    default:
        return fmt_fail(d->e, FMT_UNSUPPORTED, "unsupported JPEG: %d components of unknown meaning", c->num_components);
    }
}

/* Reads up to the first scan; may escape. */
static int read_header(struct decoder *d, size_t bytes, const struct image_settings *settings, struct image_info *info)
{
    static const struct image_settings none;
    struct jpeg_decompress_struct *c = &d->c;
    settings = settings ? settings : &none;
    d->fill = settings->fill;
    c->src = &d->source;
    jpeg_save_markers(c, APP1, APP1_BYTES_MAX);
    jpeg_read_header(c, TRUE);
    int status = check_size(d, bytes, settings);
    if (status == 0)
        status = choose_colour(d, info);
    if (status)
        return status;
    info->orientation = orientation_of(d, settings);
    info->stored_width = (int)c->image_width;
    info->stored_height = (int)c->image_height;
    info->stored_components = c->num_components;
    info->stored_bits = 8;
    image_info_turn(info);
    info->progressive = c->progressive_mode;
    info->arithmetic = c->arith_code;
    return 0;
}

/* Adobe's programs write the four inks inverted, and all others follow: 255 is no ink. Like the published loader, this
 * takes all such files so, with or without Adobe's marker. In place, 4 -> 3 bytes a pixel. */
static void inks_to_rgb(uint8_t *row, int width)
{
    const uint8_t *in = row;
    uint8_t *out = row;
    for (int x = 0; x < width; x++, in += 4, out += 3) {
        unsigned black = in[3];
        for (int i = 0; i < 3; i++)
            out[i] = (uint8_t)((in[i] * black + 127) / 255);
    }
}

static void read_strips(struct decoder *d, const struct image_info *info, struct image *im)
{
    struct jpeg_decompress_struct *c = &d->c;
    bool inks = c->out_color_space == JCS_CMYK, direct = im && !inks && info->orientation == 1;
    size_t row_bytes = (size_t)info->stored_width * (size_t)info->components;
    JSAMPROW rows[STRIP_ROWS];
    uint8_t *strip = NULL;
    if (!direct)
        strip = c->mem->alloc_large((j_common_ptr)c, JPOOL_IMAGE, STRIP_ROWS * (size_t)info->stored_width * 4);
    while (c->output_scanline < c->output_height) {
        int first = (int)c->output_scanline, n = (int)num_min(STRIP_ROWS, info->stored_height - first), got = 0;
        size_t step = inks ? 4 * (size_t)info->stored_width : row_bytes;
        for (int i = 0; i < n; i++)
            rows[i] = direct ? image_row(im, first + i) : strip + (size_t)i * step;
        while (got < n)
            got += (int)jpeg_read_scanlines(c, rows + got, (JDIMENSION)(n - got));
        if (inks)
            for (int i = 0; i < n; i++) {
                inks_to_rgb(rows[i], info->stored_width);
                memmove(strip + (size_t)i * row_bytes, rows[i], row_bytes);
            }
        if (im && !direct)
            image_put_rows(im, info->orientation, info->stored_height, first, n, strip);
    }
}

/* What is missing of the data that the header announces, if anything is, and how many rows came whole. */
static bool find_gap(const struct decoder *d, char *text, size_t n, int *rows, bool *coarse)
{
    const struct jpeg_decompress_struct *c = &d->c;
    *rows = 0;
    for (int i = 0; i < c->num_components; i++) {
        if (!(d->arrived >> i & 1)) {
            snprintf(text, n, "component %d of %d is missing", i + 1, c->num_components);
            return true;
        }
        for (int k = 0; c->coef_bits && k < DCTSIZE2; k++) {
            if (c->coef_bits[i][k] < 0) {
                snprintf(text, n, "scans are missing (coefficient %d of component %d)", k, i + 1);
                return true;
            }
            *coarse = *coarse || c->coef_bits[i][k] > 0;
        }
    }
    if (d->ran_out && (*coarse || c->arith_code)) {
        *rows = d->rows_at_end;
        snprintf(text, n, "the file is cut short (after scan %d)", c->input_scan_number);
        return true;
    }
    return false;
}

/* The end of the first note, and whether enough is there. */
static int check_filled(struct decoder *d)
{
    size_t n = strlen(d->notes.text);
    d->notes.decoded_percent = (int)(100 * (int64_t)d->rows / d->c.image_height);
    snprintf(d->notes.text + n, sizeof d->notes.text - n, ", %d %% of its rows came; what is missing is grey",
             d->notes.decoded_percent);
    if (d->notes.decoded_percent >= JPEG_FILLED_PERCENT_MIN)
        return 0;
    return fmt_fail(d->e, FMT_TRUNCATED, "cut short: %d of %s came, too few to fill the rest with grey", d->rows,
                    FMT_COUNT(d->c.image_height, "row", "rows"));
}

static int check_complete(struct decoder *d)
{
    char text[80];
    int rows;
    bool coarse = false;
    if (find_gap(d, text, sizeof text, &rows, &coarse)) {
        if (!d->fill)
            return fmt_fail(d->e, FMT_TRUNCATED, "%s", text);
        note_filled(d, text, rows);
    } else if (coarse) {
        image_note(&d->notes, "the last refinement is not in the file");
    }
    return d->notes.filled ? check_filled(d) : 0;
}

/* A second image after the first (as cameras with two lenses write them) and padding are no stray bytes. */
static void check_tail(struct decoder *d)
{
    const uint8_t *at = d->source.next_input_byte;
    size_t n = d->source.bytes_in_buffer;
    if (d->ran_out) {
        image_note_damage(&d->notes, "the end mark is missing");
        return;
    }
    while (n > 0 && (*at == 0 || *at == 0xFF) && !(n > 1 && at[0] == 0xFF && at[1] == 0xD8))
        at++, n--;
    if (n > 0 && at[0] != 0xFF)
        image_note(&d->notes, "stray bytes after the end mark");
}

static int decode(struct decoder *d, size_t bytes, const struct image_settings *settings, struct image *im)
{
    struct jpeg_decompress_struct *c = &d->c;
    struct image_info info;
    int status = read_header(d, bytes, settings, &info);
    if (status == 0 && im)
        status = image_reserve(im, info.width, info.height, info.components, d->e);
    if (status)
        return status;
    c->dct_method = JDCT_ISLOW;
    c->do_fancy_upsampling = TRUE;
    c->progress = &d->progress;
    jpeg_start_decompress(c);
    read_strips(d, &info, im);
    status = check_complete(d);
    if (status)
        return status;
    d->complete = true;
    jpeg_finish_decompress(c);
    check_tail(d);
    return 0;
}

static int decode_once(struct decoder *d, const void *data, size_t bytes, const struct image_settings *settings,
                       struct image *im, struct fmt_error *e)
{
    decoder_init(d, data, bytes, e);
    if (setjmp(d->escape) == 0) {
        jpeg_create_decompress(&d->c);
        d->status = decode(d, bytes, settings, im);
    }
    jpeg_destroy_decompress(&d->c);
    return d->status;
}

/* Where the last marker with a body begins. In coded data 0xFF never comes before such a byte. */
static size_t last_segment(const uint8_t *data, size_t bytes)
{
    for (size_t i = bytes; i > 2; i--) {
        int marker = i < bytes ? data[i] : 0;
        if (data[i - 1] == 0xFF && (i == bytes || marker == 0xFF ||
                                    (marker >= 0xC0 && (marker < JPEG_RST0 || marker > JPEG_RST0 + 7))))
            return i - 1;
    }
    return bytes;
}

/* A file that is cut within the header of a later scan has been fed the end mark as part of it: it is decoded without
 * that header. */
int jpeg_decode(const void *data, size_t bytes, const struct image_settings *settings, struct image *im,
                struct image_notes *notes, struct fmt_error *e)
{
    struct decoder d;
    struct fmt_error why = {0};
    char sign[100];
    if (bytes == 0)
        return fmt_fail(e, FMT_TRUNCATED, "the file is empty");
    int status = decode_once(&d, data, bytes, settings, im, &why);
    if (status == FMT_TRUNCATED && d.fill && d.ran_out && !d.notes.filled) {
        size_t shorter = last_segment(data, bytes);
        if (shorter < bytes)
            status = decode_once(&d, data, shorter, settings, im, &why);
    }
    if (status)
        fmt_fail(e, why.status, "%s", why.text);
    else if (notes && !d.notes.damaged && !d.notes.filled && jpeg_codes_sign(data, bytes, sign, sizeof sign))
        image_note_damage(&d.notes, "%s", sign);
    if (notes)
        *notes = d.notes;
    return status;
}

int jpeg_read_info(const void *data, size_t bytes, const struct image_settings *settings, struct image_info *info,
                   struct fmt_error *e)
{
    struct decoder d;
    struct image_info found = {0};
    if (bytes == 0)
        return fmt_fail(e, FMT_TRUNCATED, "the file is empty");
    decoder_init(&d, data, bytes, e);
    if (setjmp(d.escape) == 0) {
        jpeg_create_decompress(&d.c);
        d.status = read_header(&d, bytes, settings, &found);
        if (d.status == 0)
            *info = found;
    }
    jpeg_destroy_decompress(&d.c);
    return d.status;
}

/* Goes through the segments before the first scan as the library does: bytes before a marker are skipped. */
void jpeg_reset_orientation(uint8_t *data, size_t bytes)
{
    size_t at = 2;
    while (at + 4 <= bytes) {
        if (data[at] != 0xFF || data[at + 1] == 0xFF || data[at + 1] == 0) {
            at++;
            continue;
        }
        int marker = data[at + 1];
        size_t n = (size_t)data[at + 2] << 8 | data[at + 3];
        if (marker == 0x01 || (marker >= JPEG_RST0 && marker <= JPEG_RST0 + 7)) { /* without a body */
            at += 2;
            continue;
        }
        if (marker == 0xDA || marker == JPEG_EOI || n < 2 || n > bytes - at - 2)
            return;
        if (marker == APP1 && n >= 8 && memcmp(data + at + 4, "Exif\0", 6) == 0) {
            exif_reset_orientation(data + at + 4, n - 2);
            return;
        }
        at += 2 + n;
    }
}
