/* unicode-form.c - names are compared by the characters of their canonical decomposition, one mark at a time. The pairs
 * are those of UnicodeData.txt 14.0 in the blocks that unicode-form.h names; a character of three parts decomposes in
 * two steps. */
#include "unicode-form.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
} parts[TABLE]; /* letter 0: the character does not decompose */
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
    uint32_t pending[4]; /* further parts of the character, the last first */
    int n_pending;
};

/* The two or three letters of a syllable follow from its code (Unicode, 3.12). */
static uint32_t decompose_hangul(struct stream *s, uint32_t c)
{
    enum { SYLLABLES = 0xAC00, LEADING = 0x1100, VOWELS = 0x1161, TRAILING = 0x11A7, N_VOWELS = 21, N_TRAILING = 28 };
    uint32_t i = c - SYLLABLES, trailing = i % N_TRAILING;
    if (trailing)
        s->pending[s->n_pending++] = TRAILING + trailing;
    s->pending[s->n_pending++] = VOWELS + i / N_TRAILING % N_VOWELS;
    return LEADING + i / N_TRAILING / N_VOWELS;
}

/* The next letter or mark; 0 at the end. Bytes that are not UTF-8 sort after all characters. */
static uint32_t next(struct stream *s)
{
    uint32_t c = 0;
    if (s->n_pending)
        return s->pending[--s->n_pending];
    if (s->left == 0)
        return 0;
    size_t n = utf8_decode(s->at, s->left, &c);
    if (n == 0)
        n = 1, c = 0x110000 + (uint8_t)*s->at;
    s->at += n, s->left -= n;
    if (c >= 0xAC00 && c <= 0xD7A3)
        return decompose_hangul(s, c);
    for (; c < TABLE && parts[c].letter; c = parts[c].letter)
        s->pending[s->n_pending++] = parts[c].mark;
    return c;
}

static uint32_t exactly(uint32_t c)
{
    return c;
}

/* Small letters for capitals, of decomposed letters; a slash for a backslash. */
static uint32_t loosely(uint32_t c)
{
    bool latin = c >= 'A' && c <= 'Z', greek = c >= 0x391 && c <= 0x3A9, cyrillic = c >= 0x410 && c <= 0x42F;
    return latin || greek || cyrillic ? c + 32 : c >= 0x400 && c <= 0x40F ? c + 80 : c == '\\' ? '/' : c;
}

static int compare(const char *a, const char *b, uint32_t (*form)(uint32_t))
{
    while (*a == *b && *a && (uint8_t)*a < 0x80)
        a++, b++;
    struct stream x = {.at = a, .left = strlen(a)}, y = {.at = b, .left = strlen(b)};
    pthread_once(&parts_once, make_parts);
    for (;;) {
        uint32_t c = form(next(&x)), d = form(next(&y));
        if (c != d)
            return c < d ? -1 : 1;
        if (c == 0)
            return 0;
    }
}

int unicode_form_compare(const char *a, const char *b)
{
    return compare(a, b, exactly);
}

int unicode_form_compare_loosely(const char *a, const char *b)
{
    return compare(a, b, loosely);
}

bool unicode_form_is_ascii(const char *name)
{
    while (*name && (uint8_t)*name < 0x80)
        name++;
    return !*name;
}

/* Finds the name in the folder that differs from `name` only in its form. */
static bool find_form(int folder, const char *name, char found[NAME_MAX + 1])
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry = NULL;
    while (d && (entry = readdir(d)) && unicode_form_compare(entry->d_name, name) != 0)
        continue;
    if (entry)
        strcpy(found, entry->d_name);
    if (d)
        closedir(d);
    else if (fd >= 0)
        close(fd);
    return entry != NULL;
}

/* The same, but a name that exists is found as it is. */
static bool find_name(int folder, const char *name, char found[NAME_MAX + 1])
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return !unicode_form_is_ascii(name) && find_form(folder, name, found);
    strcpy(found, name);
    return true;
}

/* Does a path exist that differs only in its form? Goes from folder to folder, each by the name that exists. */
static bool other_form_exists(const char *path)
{
    enum { FLAGS = O_PATH | O_DIRECTORY | O_CLOEXEC };
    int folder = open(*path == '/' ? "/" : ".", FLAGS);
    bool there = true;
    while (there && folder >= 0 && *(path += strspn(path, "/"))) {
        char name[NAME_MAX + 1] = "", found[NAME_MAX + 1];
        size_t n = strcspn(path, "/");
        memcpy(name, path, n <= NAME_MAX ? n : 0);
        there = *name && find_name(folder, name, found);
        path += n;
        if (there && path[strspn(path, "/")]) {
            int above = folder;
            folder = openat(above, found, FLAGS);
            close(above);
        }
    }
    there = there && folder >= 0;
    if (folder >= 0)
        close(folder);
    return there;
}

const char *unicode_form_hint(const char *path)
{
    int error_number = errno;
    struct stat st;
    bool other = !unicode_form_is_ascii(path) && lstat(path, &st) != 0 && other_form_exists(path);
    errno = error_number;
    return other ? UNICODE_FORM_HINT : "";
}
