/* jpeg-encode.c - coding, by libjpeg with an error manager that escapes. */
#include "jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "exif.h"

struct encoder {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    jmp_buf escape;
    struct fmt_error *e;
    unsigned char *bytes; /* allocated by the library, with malloc */
    unsigned long n_bytes;
    int status;
};

static void on_encoder_error(j_common_ptr c)
{
    struct encoder *enc = c->client_data;
    char text[JMSG_LENGTH_MAX];
    c->err->format_message(c, text);
    enc->status = fmt_fail(enc->e, FMT_INVALID, "JPEG coder: %.120s", text);
    longjmp(enc->escape, 1);
}

static void on_encoder_message(j_common_ptr c, int level)
{
    (void)c, (void)level;
}

static void encode(struct encoder *enc, const struct image *im, const struct jpeg_encoding *encoding)
{
    struct jpeg_compress_struct *c = &enc->c;
    jpeg_mem_dest(c, &enc->bytes, &enc->n_bytes);
    c->image_width = (JDIMENSION)im->width;
    c->image_height = (JDIMENSION)im->height;
    c->input_components = im->components;
    c->in_color_space = im->components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(c);
    jpeg_set_quality(c, encoding->quality, TRUE);
    c->comp_info[0].h_samp_factor = c->comp_info[0].v_samp_factor =
        encoding->chroma_halved && im->components == 3 ? 2 : 1;
    c->dct_method = JDCT_ISLOW;
    if (encoding->progressive)
        jpeg_simple_progression(c);
    jpeg_start_compress(c, TRUE);
    if (encoding->orientation > 1) {
        uint8_t exif[EXIF_MINIMAL_BYTES];
        exif_minimal(encoding->orientation, exif);
        jpeg_write_marker(c, JPEG_APP0 + 1, exif, sizeof exif);
    }
    while (c->next_scanline < c->image_height) {
        JSAMPROW row = image_row(im, (int)c->next_scanline);
        jpeg_write_scanlines(c, &row, 1);
    }
    jpeg_finish_compress(c);
}

int jpeg_encode(const struct image *im, const struct jpeg_encoding *encoding, struct fmt_buffer *out,
                struct fmt_error *e)
{
    struct encoder enc = {.e = e};
    if (image_bytes(im->width, im->height, im->components) == 0 || encoding->quality < 1 || encoding->quality > 100)
        return fmt_fail(e, FMT_INVALID, "JPEG coder: %d x %d x %d pixels at quality %d", im->width, im->height,
                        im->components, encoding->quality);
    enc.c.err = jpeg_std_error(&enc.errors);
    enc.errors.error_exit = on_encoder_error;
    enc.errors.emit_message = on_encoder_message;
    enc.c.client_data = &enc;
    if (setjmp(enc.escape) == 0) {
        jpeg_create_compress(&enc.c);
        encode(&enc, im, encoding);
        if (fmt_buffer_append(out, enc.bytes, enc.n_bytes))
            enc.status = fmt_no_memory(e);
    }
    jpeg_destroy_compress(&enc.c);
    free(enc.bytes);
    return enc.status;
}
