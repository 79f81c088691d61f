/* precision-check-text.c - the result of a check for people and for programs. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "json-report.h"
#include "precision-check.h"

static const struct {
    const char *name, *key;
} parts[PRECISION_CHECK_PARTS] = {
    [PRECISION_CHECK_CLS] = {"class token", "cls"},
    [PRECISION_CHECK_MEAN] = {"mean of patches", "mean"},
    [PRECISION_CHECK_PATCH] = {"patches", "patch"},
};

const char *precision_check_cosine_text(const struct precision_check *c, enum precision_check_part part,
                                        char out[PRECISION_CHECK_TEXT])
{
    const struct precision_check_cosine *of = &c->cosine[part];
    double limit = precision_check_limit(c->precision, part);
    int at = snprintf(out, PRECISION_CHECK_TEXT, "cosine of %s: mean %.6f, worst %.6f", parts[part].name, of->mean,
                      of->worst);
    if (!isnan(limit))
        at += snprintf(out + at, PRECISION_CHECK_TEXT - (size_t)at, "%s %g",
                       precision_check_missed(c, part) ? ", below the limit of" : ", limit", limit);
    at += snprintf(out + at, PRECISION_CHECK_TEXT - (size_t)at, ": %s", of->name);
    if (of->part[0])
        at += snprintf(out + at, PRECISION_CHECK_TEXT - (size_t)at, ", part %s", of->part);
    if (part == PRECISION_CHECK_PATCH)
        snprintf(out + at, PRECISION_CHECK_TEXT - (size_t)at, ", row %" PRId64 ", column %" PRId64 " of its patches",
                 of->row, of->column);
    return out;
}

const char *precision_check_neighbours_text(const struct precision_check *c, enum precision_check_part part,
                                            char out[PRECISION_CHECK_TEXT])
{
    snprintf(out, PRECISION_CHECK_TEXT,
             "similarity of images by %s: changes by %.2g at most; %" PRId64 " of %" PRId64 " keep their neighbour",
             parts[part].name, c->neighbours[part].change, c->neighbours[part].n_kept, c->n_images);
    return out;
}

void precision_check_tell(const struct precision_check *c, void (*note)(const char *format, ...),
                          void (*warn)(const char *format, ...))
{
    char text[PRECISION_CHECK_TEXT];
    char parts_of[32] = "";
    if (c->n_parts > c->n_images)
        snprintf(parts_of, sizeof parts_of, "%" PRId64 " parts, ", c->n_parts);
    note("check: %s with float32: %s, %s%s", precision_name(c->precision), FMT_COUNT(c->n_images, "image", "images"),
         parts_of, FMT_COUNT(c->n_patches, "patch", "patches"));
    if (c->n_failed > 0)
        warn("check: %s could not be read%s", FMT_COUNT(c->n_failed, "image", "images"),
             c->n_images == 0 ? ": nothing was compared" : "");
    for (int k = 0; k < PRECISION_CHECK_PARTS && c->n_images > 0; k++)
        (precision_check_missed(c, k) ? warn : note)("check: %s", precision_check_cosine_text(c, k, text));
    for (int k = 0; k < PRECISION_CHECK_SUMMARIES && c->n_images > 1; k++)
        note("check: %s", precision_check_neighbours_text(c, k, text));
    if (c->n_images > 0 && !precision_check_passed(c))
        warn("check: %s is too far from float32 with these weights and images (--precision f32)",
             precision_name(c->precision));
}

static void add_part(const struct precision_check *c, enum precision_check_part part, struct cJSON *o)
{
    const struct precision_check_cosine *of = &c->cosine[part];
    double limit = precision_check_limit(c->precision, part);
    cJSON_AddNumberToObject(o, "mean_cosine", of->mean);
    cJSON_AddNumberToObject(o, "worst_cosine", of->worst);
    cJSON_AddNumberToObject(o, "limit", limit); /* null if there is none */
    json_report_text(o, "image", of->name);
    if (of->part[0])
        json_report_text(o, "part", of->part);
    if (part == PRECISION_CHECK_PATCH) {
        json_report_int(o, "row", of->row);
        json_report_int(o, "column", of->column);
    } else if (c->n_images > 1) {
        cJSON_AddNumberToObject(o, "similarity_change", c->neighbours[part].change);
        json_report_int(o, "neighbours_kept", c->neighbours[part].n_kept);
    }
}

void precision_check_json(const struct precision_check *c, struct cJSON *o)
{
    json_report_int(o, "images", c->n_images);
    json_report_int(o, "failed", c->n_failed);
    if (c->n_parts > c->n_images)
        json_report_int(o, "parts", c->n_parts);
    json_report_int(o, "patches", c->n_patches);
    cJSON_AddBoolToObject(o, "passed", precision_check_passed(c));
    for (int k = 0; k < PRECISION_CHECK_PARTS && c->n_images > 0; k++)
        add_part(c, k, json_report_object(o, parts[k].key));
}
