/* UTF-8: Unicode 3.9, table 3-7 (well-formed sequences) and "substitution of maximal subparts". */
#include "utf8.h"

#include <stdint.h>
#include <string.h>

static const unsigned char replacement[3] = { 0xef, 0xbf, 0xbd };

/* How many bytes the sequence at text takes: whole when ret_valid, else its maximal ill-formed part. */
static size_t sequence(const unsigned char *text, size_t length, bool *ret_valid)
{
	unsigned char lead = text[0], low = 0x80, high = 0xbf;
	size_t want;

	*ret_valid = lead < 0x80;
	if (lead < 0xc2 || lead > 0xf4)
		return 1;
	want = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (lead == 0xe0)
		low = 0xa0; /* no over-long form */
	else if (lead == 0xed)
		high = 0x9f; /* no surrogate */
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f; /* nothing above U+10FFFF */
	for (size_t i = 1; i < want; i++) {
		if (i == length || text[i] < low || text[i] > high)
			return i;
		low = 0x80;
		high = 0xbf;
	}
	*ret_valid = true;
	return want;
}

/* How far text is ASCII, as nearly all of it is: eight bytes at a time. */
static size_t ascii_prefix(const unsigned char *text, size_t length)
{
	size_t at = 0;
	uint64_t word;

	for (; at + sizeof word <= length; at += sizeof word) {
		memcpy(&word, text + at, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	while (at < length && text[at] < 0x80)
		at++;
	return at;
}

size_t utf8_valid_prefix(const unsigned char *text, size_t length)
{
	size_t at = ascii_prefix(text, length);
	while (at < length) {
		bool valid;
		size_t bytes = sequence(text + at, length - at, &valid);
		if (!valid)
			break;
		at += bytes;
		at += ascii_prefix(text + at, length - at);
	}
	return at;
}

bool utf8_speakable(const unsigned char *text, size_t length)
{
	return memchr(text, '\0', length) == NULL && utf8_valid_prefix(text, length) == length;
}

size_t utf8_repair(const unsigned char *text, size_t length, unsigned char *repaired)
{
	size_t written = 0;
	for (size_t at = 0; at < length;) {
		bool valid;
		size_t bytes = sequence(text + at, length - at, &valid);
		if (valid) {
			memcpy(repaired + written, text + at, bytes);
			written += bytes;
		} else {
			memcpy(repaired + written, replacement, sizeof replacement);
			written += sizeof replacement;
		}
		at += bytes;
	}
	return written;
}

void utf8_replace_surrogates(unsigned char *text, size_t length)
{
	unsigned char *end = text + length;

	while ((text = memchr(text, 0xed, (size_t)(end - text))) != NULL && end - text > 2) {
		if (text[1] >= 0xa0)
			memcpy(text, replacement, sizeof replacement);
		text++;
	}
}
