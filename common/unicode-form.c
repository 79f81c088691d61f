/* unicode-form.c - characters are taken apart as Unicode's canonical decomposition does, one mark at a time, and
 * compared one by one. The pairs are those of UnicodeData.txt 14.0 in the blocks that unicode-form.h names; what is
 * composed of three comes apart in two steps. */
#include "unicode-form.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "utf8.h"

/* A mark, and pairs of a letter without and with it. */
static const struct {
    uint16_t mark;
    const char *pairs;
} marks[] = {
    {0x0300, "AÀEÈIÌOÒUÙaàeèiìoòuùÜǛüǜNǸnǹЕЀИЍеѐиѝĒḔēḕŌṐōṑWẀwẁÂẦ"
             "âầĂẰăằÊỀêềÔỒôồƠỜơờƯỪưừYỲyỳ"},
    {0x0301, "AÁEÉIÍOÓUÚYÝaáeéiíoóuúyýCĆcćLĹlĺNŃnńRŔrŕSŚsśZŹzźÜǗüǘGǴgǵÅǺåǻ"
             "ÆǼæǽØǾøǿ¨΅ΑΆΕΈΗΉΙΊΟΌΥΎΩΏϊΐαάεέηήιίϋΰοόυύωώϒϓГЃКЌ"
             "гѓкќÇḈçḉĒḖēḗÏḮïḯKḰkḱMḾmḿÕṌõṍŌṒōṓPṔpṕŨṸũṹWẂ"
             "wẃÂẤâấĂẮăắÊẾêếÔỐôốƠỚơớƯỨưứ"},
    {0x0302, "AÂEÊIÎOÔUÛaâeêiîoôuûCĈcĉGĜgĝHĤhĥJĴjĵSŜsŝWŴwŵYŶyŷZẐzẑẠẬạậ"
             "ẸỆẹệỌỘọộ"},
    {0x0303, "AÃNÑOÕaãnñoõIĨiĩUŨuũVṼvṽÂẪâẫĂẴăẵEẼeẽÊỄêễÔỖôỗƠỠơỡ"
             "ƯỮưữYỸyỹ"},
    {0x0304, "AĀaāEĒeēIĪiīOŌoōUŪuūÜǕüǖÄǞäǟȦǠȧǡÆǢæǣǪǬǫǭÖȪöȫÕȬõȭȮȰȯȱ"
             "YȲyȳИӢиӣУӮуӯGḠgḡḶḸḷḹṚṜṛṝ"},
    {0x0306, "AĂaăEĔeĕGĞgğIĬiĭOŎoŏUŬuŭУЎИЙийуўЖӁжӂАӐаӑЕӖеӗȨḜȩḝẠẶ"
             "ạặ"},
    {0x0307, "CĊcċEĖeėGĠgġIİZŻzżAȦaȧOȮoȯBḂbḃDḊdḋFḞfḟHḢhḣMṀmṁNṄnṅPṖpṗ"
             "RṘrṙSṠsṡŚṤśṥŠṦšṧṢṨṣṩTṪtṫWẆwẇXẊxẋYẎyẏſẛ"},
    {0x0308, "AÄEËIÏOÖUÜaäeëiïoöuüyÿYŸΙΪΥΫιϊυϋϒϔЕЁІЇеёіїАӒаӓӘӚәӛЖӜжӝ"
             "ЗӞзӟИӤиӥОӦоӧӨӪөӫЭӬэӭУӰуӱЧӴчӵЫӸыӹHḦhḧÕṎõṏŪṺūṻWẄ"
             "wẅXẌxẍtẗ"},
    {0x0309, "AẢaảÂẨâẩĂẲăẳEẺeẻÊỂêểIỈiỉOỎoỏÔỔôổƠỞơởUỦuủƯỬ"
             "ưửYỶyỷ"},
    {0x030A, "AÅaåUŮuůwẘyẙ"},
    {0x030B, "OŐoőUŰuűУӲуӳ"},
    {0x030C, "CČcčDĎdďEĚeěLĽlľNŇnňRŘrřSŠsšTŤtťZŽzžAǍaǎIǏiǐOǑoǒUǓuǔÜǙüǚGǦgǧKǨ"
             "kǩƷǮʒǯjǰHȞhȟ"},
    {0x030F, "AȀaȁEȄeȅIȈiȉOȌoȍRȐrȑUȔuȕѴѶѵѷ"},
    {0x0311, "AȂaȃEȆeȇIȊiȋOȎoȏRȒrȓUȖuȗ"},
    {0x031B, "OƠoơUƯuư"},
    {0x0323, "BḄbḅDḌdḍHḤhḥKḲkḳLḶlḷMṂmṃNṆnṇRṚrṛSṢsṣTṬtṭVṾvṿWẈwẉ"
             "ZẒzẓAẠaạEẸeẹIỊiịOỌoọƠỢơợUỤuụƯỰưựYỴyỵ"},
    {0x0324, "UṲuṳ"},
    {0x0325, "AḀaḁ"},
    {0x0326, "SȘsșTȚtț"},
    {0x0327, "CÇcçGĢgģKĶkķLĻlļNŅnņRŖrŗSŞsşTŢtţEȨeȩDḐdḑHḨhḩ"},
    {0x0328, "AĄaąEĘeęIĮiįUŲuųOǪoǫ"},
    {0x032D, "DḒdḓEḘeḙLḼlḽNṊnṋTṰtṱUṶuṷ"},
    {0x032E, "HḪhḫ"},
    {0x0330, "EḚeḛIḬiḭUṴuṵ"},
    {0x0331, "BḆbḇDḎdḏKḴkḵLḺlḻNṈnṉRṞrṟTṮtṯZẔzẕhẖ"},
    {0x3099, "かがきぎくぐけげこごさざしじすずせぜそぞただちぢつづてでとどはば"
             "ひびふぶへべほぼうゔゝゞカガキギクグケゲコゴサザシジスズセゼソゾ"
             "タダチヂツヅテデトドハバヒビフブヘベホボウヴワヷヰヸヱヹヲヺヽヾ"},
    {0x309A, "はぱひぴふぷへぺほぽハパヒピフプヘペホポ"},
};

enum { TABLE = 0x3100 };
static struct {
    uint16_t letter, mark;
} parts[TABLE]; /* letter 0: the character has no parts */
static pthread_once_t parts_once = PTHREAD_ONCE_INIT;

static void make_parts(void)
{
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        for (const char *at = marks[i].pairs; *at;) {
            uint32_t letter = 0, whole = 0;
            at += utf8_decode(at, strlen(at), &letter);
            at += utf8_decode(at, strlen(at), &whole);
            parts[whole].letter = (uint16_t)letter;
            parts[whole].mark = marks[i].mark;
        }
}

struct stream {
    const char *at;
    size_t left;
    uint32_t waiting[4]; /* marks of the character, the last first */
    int n_waiting;
};

/* A syllable is computed from its two or three letters (Unicode, 3.12). */
static uint32_t take_hangul(struct stream *s, uint32_t c)
{
    enum { SYLLABLES = 0xAC00, LEADING = 0x1100, VOWELS = 0x1161, TRAILING = 0x11A7, N_VOWELS = 21, N_TRAILING = 28 };
    uint32_t i = c - SYLLABLES, trailing = i % N_TRAILING;
    if (trailing)
        s->waiting[s->n_waiting++] = TRAILING + trailing;
    s->waiting[s->n_waiting++] = VOWELS + i / N_TRAILING % N_VOWELS;
    return LEADING + i / N_TRAILING / N_VOWELS;
}

/* The next letter or mark; 0 at the end. Bytes that are not UTF-8 stand for themselves, behind all characters. */
static uint32_t next(struct stream *s)
{
    uint32_t c = 0;
    if (s->n_waiting)
        return s->waiting[--s->n_waiting];
    if (s->left == 0)
        return 0;
    size_t n = utf8_decode(s->at, s->left, &c);
    if (n == 0)
        n = 1, c = 0x110000 + (uint8_t)*s->at;
    s->at += n, s->left -= n;
    if (c >= 0xAC00 && c <= 0xD7A3)
        return take_hangul(s, c);
    for (; c < TABLE && parts[c].letter; c = parts[c].letter)
        s->waiting[s->n_waiting++] = parts[c].mark;
    return c;
}

int unicode_form_compare(const char *a, const char *b)
{
    while (*a == *b && *a && (uint8_t)*a < 0x80)
        a++, b++;
    struct stream x = {.at = a, .left = strlen(a)}, y = {.at = b, .left = strlen(b)};
    pthread_once(&parts_once, make_parts);
    for (;;) {
        uint32_t c = next(&x), d = next(&y);
        if (c != d)
            return c < d ? -1 : 1;
        if (c == 0)
            return 0;
    }
}

bool unicode_form_is_ascii(const char *name)
{
    while (*name && (uint8_t)*name < 0x80)
        name++;
    return !*name;
}

/* The name in a folder that is `name` in another form, for free(); NULL: none. */
static char *find_in(const char *folder, const char *name)
{
    DIR *d = opendir(*folder ? folder : ".");
    char *found = NULL;
    for (const struct dirent *entry; d && !found && (entry = readdir(d));)
        if (unicode_form_compare(entry->d_name, name) == 0)
            found = file_join(folder, entry->d_name);
    if (d)
        closedir(d);
    return found;
}

/* Is there a path that differs in form only? From folder to folder, each by the form that is there. */
static bool other_is_there(const char *path)
{
    char *found = strdup(*path == '/' ? "/" : "");
    while (found && *(path += strspn(path, "/"))) {
        size_t n = strcspn(path, "/");
        char *name = strndup(path, n), *next_found = name ? file_join(found, name) : NULL;
        if (next_found && !file_exists(next_found)) {
            free(next_found);
            next_found = unicode_form_is_ascii(name) ? NULL : find_in(found, name);
        }
        free(name);
        free(found);
        found = next_found;
        path += n;
    }
    bool there = found != NULL;
    free(found);
    return there;
}

const char *unicode_form_hint(const char *path)
{
    int kept = errno;
    bool other = !unicode_form_is_ascii(path) && !file_exists(path) && other_is_there(path);
    errno = kept;
    return other ? UNICODE_FORM_HINT : "";
}
