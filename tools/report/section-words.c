/* section-words.c - the words of the page, for who sees one for the first time. They are those of the manual. */
#include "sections.h"

#include "markup.h"

static const struct {
    const char *word, *meaning;
} words[] = {
    {"installation", "what gets one verdict: the photographs that belong together, a few views of one thing"},
    {"view", "from where a photograph of an installation was taken, as a number"},
    {"faulty, good", "as a person labelled it; an installation is faulty if one of its photographs is"},
    {"score", "the larger, the more like a fault; an installation's comes from those of its photographs"},
    {"pass, fail", "the score is below the one threshold, or from the other on"},
    {"review", "a person has to look: the score is between the thresholds, or a photograph was stopped, as dark or "
               "blurred"},
    {"incomplete", "fewer views than are expected; never a pass"},
    {"gate", "what stops a photograph before its score counts: it is blurred, dark, bright, of another subject, or was "
             "used for another installation, too"},
    {"filled, damaged", "parts of the file are missing, or it shows signs of damage"},
    {"held", "in review or incomplete while its score would fail: look at these first"},
    {"missed", "labelled faulty, but pass"},
    {"false alarm", "labelled good, but fail"},
    {"heat map", "the photograph in grey, with colours where it is far from good ones: yellow, red, dark red"},
    {"promise", "what the thresholds were chosen for: of installations like those that they were chosen on, at most "
                "such a share is missed, or is a false alarm"},
    {"interval", "few installations say little: the true share or score lies within it, as surely as the page says"},
    {"recall", "the share of the faulty that is found"},
    {"precision", "the share of the found that is faulty"},
    {"average precision", "the mean of the precision over all recalls: 1 is best, the share of the faulty is guessing"},
    {"AUROC", "how often a faulty one scores higher than a good one: 1 is always, 0.5 is guessing"},
};

void section_words(struct page *p)
{
    page_details(p, "Words of this page");
    fputs("<dl class=\"words\">\n", p->out);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        fputs("<dt>", p->out);
        markup_text(p->out, words[i].word);
        fputs("</dt>\n<dd>", p->out);
        markup_text(p->out, words[i].meaning);
        fputs("</dd>\n", p->out);
    }
    fputs("</dl>\n", p->out);
    page_details_end(p);
}
