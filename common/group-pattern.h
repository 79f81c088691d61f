/* group-pattern.h - the installation and the view number of a photograph from its name.
 *
 *   struct group_pattern p;
 *   group_pattern_parse(&p, "{group}-{view}|{group}_{view}", e);
 *   if (group_pattern_match(&p, "line 3/A17-0.jpg", &m)) ...    m.group "line 3/A17", m.view 0
 *
 * A pattern is compared with the end of the name without its ending (".jpg"), component by component, as many as the
 * pattern has. {group} stands for one or more characters, {view} for a number of one or two digits, * for any
 * characters, none of them a slash; everything else stands for itself. The installation is what {group} stands for,
 * with the folders before. Of several patterns with | between them the first that fits counts. If one fits in several
 * ways, the first item takes all it can, then the second, and so on. The work is at most the length of the pattern
 * times that of the name; a name of which more than 4096 bytes are to be compared fits none.
 */
#ifndef GROUP_PATTERN_H
#define GROUP_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "fmt.h"
#include "index.h"

#define GROUP_PATTERN_DEFAULT "{group}-{view}|{group}_{view}"
enum { GROUP_PATTERN_MAX = 200, GROUP_PATTERNS_MAX = 8 };

struct group_pattern {
    char text[GROUP_PATTERN_MAX + 1]; /* with a zero byte after each pattern */
    int first[GROUP_PATTERNS_MAX];    /* where each begins in it */
    int n;
};

struct group_match {
    char group[INDEX_TEXT_MAX + 1];
    int32_t view; /* -1: the pattern has none */
};

static inline const char *group_pattern_one(const struct group_pattern *p, int i)
{
    return p->text + p->first[i];
}
/* FMT_INVALID: no {group}, an item twice, braces around anything else. Copies the text. */
int group_pattern_parse(struct group_pattern *p, const char *text, struct fmt_error *e);
bool group_pattern_match(const struct group_pattern *p, const char *name, struct group_match *m);

#endif
