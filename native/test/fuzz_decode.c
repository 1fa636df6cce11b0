/*
 * The decoder against bytes nobody meant. With libFuzzer (`make fuzz`) it finds its own way; with gcc a
 * reproducible loop of mutations: fuzz_decode [ROUNDS] [FILE…], FILEs being plans of the encoder (make
 * corpus), which must be taken as they are.
 */
#include "decoded.h"
#include "plan_bytes.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode_and_read(data, size);
    return 0;
}

#ifndef TSR_LIBFUZZER
static uint64_t state = 0x9e3779b97f4a7c15u;

static uint32_t random_number(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

/* Numbers that lengths, counts and slots break at. */
static uint32_t edge(void)
{
    static const uint32_t edges[] = {0, 1, 2, 3, 4, 15, 16, 255, 65536, 0x3fffffff, 0x40000000,
                                     0x7fffffff, 0x80000000, 0xfffffffb, 0xfffffffe, 0xffffffff};

    return edges[random_number(sizeof edges / sizeof *edges)];
}

static void mutate(struct plan_bytes *p)
{
    uint32_t at = random_number((uint32_t)p->length), word = at & ~3u, value;

    switch (random_number(6)) {
    case 0:
        p->bytes[at] ^= (unsigned char)(1u << random_number(8));
        break;
    case 1:
        p->bytes[at] = (unsigned char)random_number(256);
        break;
    case 2:
        value = edge();
        if (word + sizeof value <= p->length)
            memcpy(p->bytes + word, &value, sizeof value);
        break;
    case 3: /* cut a piece out */
        value = random_number(16);
        if (at + value < p->length) {
            memmove(p->bytes + at, p->bytes + at + value, p->length - at - value);
            p->length -= value;
        }
        break;
    case 4: /* put a piece in */
        value = random_number(16);
        if (p->length + value <= sizeof p->bytes) {
            memmove(p->bytes + at + value, p->bytes + at, p->length - at);
            p->length += value;
        }
        break;
    default:
        p->length = at + 1;
    }
    /* Else nothing behind the header is ever looked at. */
    if (random_number(4) != 0 && p->length >= 12)
        memcpy(p->bytes + 8, &(uint32_t){(uint32_t)p->length}, sizeof(uint32_t));
}

static void read_seed(struct plan_bytes *p, const char *path)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    p->length = fread(p->bytes, 1, sizeof p->bytes, file);
    fclose(file);
}

int main(int count, char **arguments)
{
    static struct plan_bytes seed, plan;
    long rounds = count > 1 ? strtol(arguments[1], NULL, 10) : 200000;
    long taken = 0;

    /* What the encoder writes is taken as it is. */
    for (int i = 2; i < count; i++) {
        read_seed(&seed, arguments[i]);
        if (decode_and_read(seed.bytes, seed.length) != 0) {
            fprintf(stderr, "fuzz_decode: %s is refused\n", arguments[i]);
            return 1;
        }
    }
    for (long round = 0; round < rounds; round++) {
        if (round % 32 == 16 && count > 2)
            read_seed(&seed, arguments[2 + round / 32 % (count - 2)]);
        else if (round % 16 == 0)
            build_every_operation(&seed, (unsigned)round / 16);
        plan = seed;
        for (uint32_t i = random_number(4); plan.length > 0; i--) {
            mutate(&plan);
            if (i == 0)
                break;
        }
        taken += decode_and_read(plan.bytes, plan.length) == 0;
    }
    printf("fuzz_decode: %ld plans, %ld of them taken\n", rounds, taken);
    return rounds > 0 && taken == 0 ? 1 : 0;
}
#endif
