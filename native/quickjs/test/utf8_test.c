/* UTF-8 by Unicode's table 3-7: each class of ill-formed bytes, and all of a small alphabet. */
#include "../utf8.h"
#include "../../test/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define R "\xef\xbf\xbd"

static const struct {
    const char *claim, *text, *repaired;
} table[] = {
    {"ASCII", "plain", "plain"},
    {"the longest and the shortest of each length", "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
     "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
    {"a byte that only continues", "a\x80\xbf" "b", "a" R R "b"},
    {"bytes that never occur", "\xc0\xc1\xf5\xff", R R R R},
    {"over-long forms", "\xc0\xaf\xe0\x80\xaf\xf0\x8f\xbf\xbf", R R R R R R R R R},
    {"surrogates", "\xed\xa0\x80\xed\xbf\xbf", R R R R R R},
    {"above U+10FFFF", "\xf4\x90\x80\x80", R R R R},
    {"cut short: one replacement for its maximal part", "\xe2\x82" "a\xf0\x9f\x98" "b\xc3", R "a" R "b" R},
    {"cut by another that begins", "\xe2\xe2\x82\xac\xf0\x9f\xc3\xa9", R "\xe2\x82\xac" R "\xc3\xa9"},
};

static void ill_formed_parts_are_replaced(void)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t length = strlen(table[i].text);
        /* As large as it has to be: the sanitizer sees a byte more. */
        unsigned char *text = malloc(length), *repaired = malloc(length * 3);

        check_case(table[i].claim);
        memcpy(text, table[i].text, length);
        size_t written = utf8_repair(text, length, repaired);
        CHECK_EQUAL(written, strlen(table[i].repaired));
        CHECK(memcmp(repaired, table[i].repaired, written) == 0);
        CHECK_EQUAL(utf8_valid_prefix(repaired, written), written);
        CHECK_EQUAL(utf8_valid_prefix(text, length) == length, strcmp(table[i].text, table[i].repaired) == 0);
        free(text);
        free(repaired);
    }
}

/* Every text of four bytes of an alphabet with one byte of each kind. */
static void repaired_texts_are_well_formed(void)
{
    static const unsigned char alphabet[] = {'a',  0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2,
                                             0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5};
    enum { KINDS = sizeof alphabet };
    unsigned char text[4], repaired[12], again[36];
    long wrong = 0;

    for (unsigned number = 0; number < KINDS * KINDS * KINDS * KINDS; number++) {
        unsigned rest = number;
        for (size_t i = 0; i < sizeof text; i++, rest /= KINDS)
            text[i] = alphabet[rest % KINDS];
        size_t written = utf8_repair(text, sizeof text, repaired);
        size_t twice = utf8_repair(repaired, written, again);
        wrong += utf8_valid_prefix(repaired, written) != written || twice != written ||
                 memcmp(repaired, again, written) != 0;
    }
    CHECK_EQUAL(wrong, 0);
}

static void surrogates_are_replaced_in_place(void)
{
    unsigned char text[] = "a\xed\xa0\x80" "b\xed\xbf\xbf\xed\x9f\xbf";

    utf8_replace_surrogates(text, sizeof text - 1);
    CHECK_TEXT((const char *)text, "a" R "b" R "\xed\x9f\xbf");
    unsigned char cut[] = {0xed, 0xa0};
    utf8_replace_surrogates(cut, sizeof cut);
    CHECK_EQUAL(cut[0], 0xed);
}

const struct test utf8_tests[] = {
    {"each maximal ill-formed part becomes one U+FFFD", ill_formed_parts_are_replaced},
    {"what was repaired is well-formed and stays as it is", repaired_texts_are_well_formed},
    {"surrogates, and nothing else, are replaced in place", surrogates_are_replaced_in_place},
    {NULL, NULL},
};
