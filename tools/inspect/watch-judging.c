/* watch-judging.c - an installation is judged; its record and its lines are kept together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "watch-internal.h"

enum { RECENT_MOST = 1000 }; /* installations, with the names of their photographs */

/* What one of verdict_lines_begin and verdict_lines_found writes. */
static int begin_lines(struct watch *w, struct lines *to)
{
    free(to->text);
    *to = (struct lines){NULL, 0};
    w->lines->out = open_memstream(&to->text, &to->n);
    return w->lines->out ? 0 : fmt_no_memory(w->e);
}

static int end_lines(struct watch *w, int status)
{
    if (fclose(w->lines->out) && !status)
        status = fmt_no_memory(w->e);
    return status;
}

/* What the photographs that were judged hold, so that a copy of one is known. Of one that cannot be decoded only the
 * file tells, if that can be read. */
static void note_contents(struct watch_group *g, const struct judged_photo *photo, int n)
{
    for (int i = 0; i < n; i++) {
        struct watch_photo *p = watch_group_photo(g, photo[i].photo->name);
        if (p && !photo[i].failure)
            memcpy(p->content, photo[i].content, DIGEST_BYTES);
        else if (p)
            watch_content_of(p->name, p->content);
    }
}

/* An error of the disk or the network, or a permission that is not given yet, may pass; a file that is gone or damaged
 * is what it is. */
static const int64_t again_after_ms[] = {2000, 10000, 60000};
enum { TRIES_MOST = sizeof again_after_ms / sizeof *again_after_ms };

static bool may_pass(const struct watch_group *g, const struct judged_photo *photo, int n)
{
    struct watch_stamp now;
    bool any = false;
    for (int i = 0; i < n; i++)
        any = any || (photo[i].failure == FMT_IO && watch_stamp_of(photo[i].photo->name, &now));
    return any && g->n_tries < TRIES_MOST;
}

/* Lines are made if every photograph still is what was judged. */
static int on_judged(void *arg, const struct judged_group *group, const struct judged_photo *photo)
{
    struct watch *w = arg;
    struct watch_group *g = &w->groups.item[0];
    for (int64_t i = 0; i < g->n; i++) {
        struct watch_stamp now = WATCH_NO_STAMP;
        watch_stamp_of(g->photo[i].name, &now);
        w->changed = w->changed || !watch_stamp_same(now, g->photo[i].stamp);
    }
    w->unread = !w->changed && may_pass(g, photo, group->n_photographs);
    if (w->changed || w->unread)
        return 0;
    note_contents(g, photo, group->n_photographs);
    int status = begin_lines(w, &w->written);
    return status ? status : end_lines(w, verdict_lines_found(w->lines, group, photo));
}

static int list_photos(const struct watch_group *g, const struct group_pattern *pattern, struct photo_list *l,
                       struct fmt_error *e)
{
    int status = 0;
    *l = (struct photo_list){.n = 0};
    for (int64_t i = 0; i < g->n && !status; i++)
        status = photo_list_add(l, g->photo[i].name, 0, false, g->name, g->photo[i].view, pattern, e);
    return status ? status : photo_list_sort(l, e);
}

/* The record is on the disk, with the lines, before the lines are in the output: who reads them may move the
 * photographs away at once. */
static int put_record(struct watch *w, const struct fmt_buffer *text)
{
    const char *lines = (const char *)text->data;
    int status = watch_journal_judged(&w->journal, watch_output_size(&w->output), lines, text->bytes, w->e);
    if (!status)
        status = watch_output_put(&w->output, lines, text->bytes, w->e);
    return status ? status : watch_journal_written(&w->journal, w->e);
}

/* What was written, to the file that has the name of the output now; the first lines before, where it is empty. Once
 * more if the file was removed meanwhile. */
static int put_lines(struct watch *w, bool head)
{
    int status;
    do {
        struct fmt_buffer text = {0};
        status = watch_output_follow(&w->output, w->e);
        if (!status && (head || watch_output_size(&w->output) == 0) &&
            fmt_buffer_append(&text, w->head.text, w->head.n))
            status = fmt_no_memory(w->e);
        if (!status && w->written.n > 0 && fmt_buffer_append(&text, w->written.text, w->written.n))
            status = fmt_no_memory(w->e);
        if (!status)
            status = put_record(w, &text);
        fmt_buffer_release(&text);
    } while (!status && watch_output_is_lost(&w->output));
    return status;
}

static int record(struct watch *w, const struct watch_group *g)
{
    int status = w->judge->has_reference ? gate_recent_sync(&w->judge->reference.recent, w->e) : 0;
    for (int64_t i = 0; i < g->n && !status; i++)
        status = watch_journal_add(&w->journal, g->photo[i].key, g->photo[i].stamp, g->photo[i].content, w->e);
    if (!status)
        status = watch_journal_note_group(&w->journal, g->name, w->e);
    return status ? status : put_lines(w, false);
}

/* Do all photographs hold what they held when they were judged? That they were copied again, or got another mode, is
 * no news. */
static bool is_known(const struct watch *w, struct watch_group *g)
{
    for (int64_t i = 0; i < g->n; i++) {
        struct watch_photo *p = &g->photo[i];
        if (p->asked || !watch_journal_knows_key(&w->journal, p->key))
            return false;
        if (watch_journal_knows(&w->journal, p->key, p->stamp))
            continue;
        watch_content_of(p->name, p->content);
        if (!watch_journal_knows_content(&w->journal, p->key, p->content))
            return false;
    }
    return true;
}

/* From now on they are known as they are. */
static int record_known(struct watch *w, const struct watch_group *g)
{
    int status = 0;
    for (int64_t i = 0; i < g->n && !status; i++) {
        const struct watch_photo *p = &g->photo[i];
        if (!watch_journal_knows(&w->journal, p->key, p->stamp))
            status = watch_journal_add(&w->journal, p->key, p->stamp, p->content, w->e);
    }
    if (!status)
        status = watch_journal_note_group(&w->journal, g->name, w->e);
    if (!status)
        status = watch_journal_judged(&w->journal, -1, "", 0, w->e);
    return status ? status : watch_journal_written(&w->journal, w->e);
}

static bool is_asked(const struct watch_group *g)
{
    for (int64_t i = 0; i < g->n; i++)
        if (g->photo[i].asked)
            return true;
    return false;
}

static void wait_again(const struct watch *w, struct watch_group *g)
{
    if (w->unread)
        g->again_ms = clock_now_ms() + again_after_ms[g->n_tries++];
    for (int64_t i = 0; i < g->n && w->changed; i++)
        g->photo[i].settled = false;
}

int watch_judge_first(struct watch *w)
{
    struct photo_list l;
    struct judge_job job = {.found = on_judged, .arg = w};
    w->changed = w->unread = false;
    if (is_known(w, &w->groups.item[0])) {
        int known = record_known(w, &w->groups.item[0]);
        watch_groups_remove(&w->groups, 0);
        return known;
    }
    int status = list_photos(&w->groups.item[0], &w->judge->settings.pattern, &l, w->e);
    if (!status)
        status = judge_run(w->judge, &l, &job, w->e);
    photo_list_close(&l);
    if (!status && (w->changed || w->unread)) {
        wait_again(w, &w->groups.item[0]);
        return 0;
    }
    if (!status)
        status = record(w, &w->groups.item[0]);
    if (!status && is_asked(&w->groups.item[0]))
        return watch_groups_move(&w->groups, 0, &w->recent, RECENT_MOST, w->e);
    watch_groups_remove(&w->groups, 0);
    return status;
}

/* The first lines say by what is judged: in each pipe, in an empty file, and where another inspector goes on. */
int watch_put_header(struct watch *w)
{
    char inspector[DIGEST_HEX];
    digest_hex(w->judge->identity, inspector);
    bool other = strcmp(inspector, w->journal.inspector) != 0;
    if (other && *w->journal.inspector)
        w->how->warn("another inspector than before: what was judged by that one is not judged again");
    int status = begin_lines(w, &w->head);
    if (!status) /* also where it is there: all lines have the columns that are set here */
        status = end_lines(w, verdict_lines_begin(w->lines, w->how->inspector, w->judge, w->e));
    if (status || (!other && watch_output_size(&w->output) > 0))
        return status;
    status = watch_journal_inspector(&w->journal, inspector, w->e);
    return status ? status : put_lines(w, true);
}
