/* report-text.c - a report as people read it. The columns of a table are records with the same lines, which are
 * printed side by side; a record with others begins a table of its own. */
#include <math.h>
#include <string.h>

#include "printable.h"
#include "report-print.h"

enum { COLUMNS = 3, NAME_WIDTH = 34 };

/* The same member of each column. */
struct members {
    const struct report_node *node[COLUMNS];
    int n;
};

static struct members first_members(const struct members *of)
{
    struct members m = *of;
    for (int i = 0; i < m.n; i++)
        m.node[i] = m.node[i]->first;
    return m;
}

static void next_members(struct members *m)
{
    for (int i = 0; i < m->n; i++)
        m->node[i] = m->node[i]->next;
}

/* Whether two nodes have members of the same kinds and titles, all the way down. A matrix has no line in a table. */
static bool same_members(const struct report_node *a, const struct report_node *b)
{
    const struct report_node *x = a->first, *y = b->first;
    bool same = true;
    for (; x && y && same; x = x->next, y = y->next) {
        bool same_title = x->title && y->title ? strcmp(x->title, y->title) == 0 : !x->title && !y->title;
        same = x->kind == y->kind && (same_title || x->kind == REPORT_MATRIX) && same_members(x, y);
    }
    return same && !x && !y;
}

static void number_text(char *out, size_t size, double v)
{
    if (isnan(v))
        snprintf(out, size, "-");
    else
        snprintf(out, size, fabs(v) >= 100 ? "%.1f" : fabs(v) >= 10 ? "%.2f" : "%.4f", v);
}

static void print_cell(FILE *out, const struct report_node *node)
{
    char v[32], low[32], high[32], text[112];
    number_text(v, sizeof v, node->number);
    number_text(low, sizeof low, node->low);
    number_text(high, sizeof high, node->high);
    if (node->kind == REPORT_COUNT)
        snprintf(text, sizeof text, "%lld", (long long)node->count);
    else if (node->text)
        snprintf(text, sizeof text, "%s", node->text);
    else if (node->kind != REPORT_MEASURE || isnan(node->low))
        snprintf(text, sizeof text, "%s", v);
    else
        snprintf(text, sizeof text, "%s [%s, %s]", v, low, high);
    fprintf(out, "  %-25s", text);
}

/* Members with a title: one line for a number; for an object or a list, the lines of its members. */
static void print_members(FILE *out, const struct members *of, int indent)
{
    for (struct members m = first_members(of); m.node[0]; next_members(&m)) {
        const struct report_node *node = m.node[0];
        if (node->kind == REPORT_LIST)
            print_members(out, &m, indent);
        else if (!node->title || node->kind == REPORT_MATRIX)
            continue;
        else if (node->kind == REPORT_OBJECT) {
            fprintf(out, "%*s%s\n", indent, "", node->title);
            print_members(out, &m, indent + 2);
        } else {
            fprintf(out, "%*s%-*s", indent, "", NAME_WIDTH - indent, node->title);
            for (int i = 0; i < m.n; i++)
                print_cell(out, m.node[i]);
            fputc('\n', out);
        }
    }
}

static void print_matrix(FILE *out, const struct report_node *m)
{
    fprintf(out, "%s\n%-20s", m->title, "  is \\ called");
    for (int b = 0; b < m->n; b++)
        fprintf(out, " %12.12s", m->label[b]);
    fputc('\n', out);
    for (int a = 0; a < m->n; a++) {
        fprintf(out, "  %-18.18s", m->label[a]);
        for (int b = 0; b < m->n; b++)
            fprintf(out, " %12lld", (long long)m->cell[a * m->n + b]);
        fputc('\n', out);
    }
}

static void print_table(FILE *out, const struct members *columns)
{
    fprintf(out, "%-*s", NAME_WIDTH, "");
    for (int i = 0; i < columns->n; i++)
        fprintf(out, "  %-25s", columns->node[i]->title);
    fputc('\n', out);
    print_members(out, columns, 0);
    for (int i = 0; i < columns->n; i++)
        for (const struct report_node *m = columns->node[i]->first; m; m = m->next)
            if (m->kind == REPORT_MATRIX && m->title)
                print_matrix(out, m);
}

static void print_note(FILE *out, const char *prefix, const struct report_node *note)
{
    fputs(prefix, out);
    printable_put(out, note->text);
    fputc('\n', out);
}

int report_print_comments(FILE *out, const struct report_node *report, struct fmt_error *e)
{
    if (!report_complete(report))
        return fmt_fail(e, FMT_MEMORY, "out of memory for the report");
    for (const struct report_node *node = report->first; node; node = node->next)
        if (node->kind == REPORT_NOTE)
            print_note(out, "# ", node);
    return 0;
}

int report_print_text(FILE *out, const struct report_node *report, struct fmt_error *e)
{
    bool first = true;
    if (!report_complete(report))
        return fmt_fail(e, FMT_MEMORY, "out of memory for the report");
    for (const struct report_node *node = report->first; node; node = node->next) {
        if (node->kind == REPORT_NOTE)
            print_note(out, "", node);
        else if (node->kind == REPORT_BREAK)
            fputc('\n', out);
        for (const struct report_node *r = node->kind == REPORT_RECORDS ? node->first : NULL; r;) {
            struct members columns = {.n = 0};
            for (; r && columns.n < COLUMNS && (!columns.n || same_members(columns.node[0], r)); r = r->next)
                columns.node[columns.n++] = r;
            if (!first)
                fputc('\n', out);
            first = false;
            print_table(out, &columns);
        }
    }
    return 0;
}
