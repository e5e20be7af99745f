// A client with one question under way at a time; each latency is kept.
//
//     client udp ADDRESS FIRST COUNT SEED <names     asks for A over one connected socket
//     client libc - FIRST COUNT SEED <names          calls getaddrinfo, which asks for A and AAAA
//
// First each name FIRST times, then COUNT names drawn at random. Prints how many got no address in all, and a line of
// nanoseconds for each question of the second part.
#include <arpa/inet.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { MOST_NAMES = 20000, LONGEST = 256 };

struct question {
    char name[LONGEST];
    unsigned char packet[LONGEST + 32];
    size_t size;
};

static struct question questions[MOST_NAMES];
static int channel;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void encode(struct question *question)
{
    static const unsigned char header[12] = {0, 0, 1, 0, 0, 1}, type[4] = {0, 1, 0, 1};
    unsigned char *end = question->packet;

    memcpy(end, header, sizeof header);
    end += sizeof header;
    for (const char *label = question->name; *label;) {
        size_t length = strcspn(label, ".");
        *end++ = length;
        memcpy(end, label, length);
        end += length;
        label += length + (label[length] == '.');
    }
    *end++ = 0;
    memcpy(end, type, sizeof type);
    question->size = end + sizeof type - question->packet;
}

static int ask_udp(struct question *question)
{
    static uint16_t last;
    unsigned char answer[4096];
    uint16_t id = ++last, got;
    ssize_t size;

    memcpy(question->packet, &id, sizeof id);
    if (send(channel, question->packet, question->size, 0) < 0)
        return 0;
    // A late answer to an earlier question is thrown away.
    do {
        size = recv(channel, answer, sizeof answer, 0);
        if (size < 12)
            return 0;
        memcpy(&got, answer, sizeof got);
    } while (got != id);
    return (answer[3] & 15) == 0 && (answer[6] || answer[7]);
}

static int ask_libc(struct question *question)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;

    if (getaddrinfo(question->name, NULL, &hints, &found))
        return 0;
    freeaddrinfo(found);
    return 1;
}

static void connect_to(const char *address)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(53)};
    struct timeval patience = {.tv_sec = 2};

    channel = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(channel, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (inet_pton(AF_INET, address, &server.sin_addr) != 1 ||
        connect(channel, (struct sockaddr *)&server, sizeof server)) {
        perror(address);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    int (*ask)(struct question *);
    long count, names = 0, bad = 0;
    uint64_t *took, drawn;

    if (argc != 6) {
        fprintf(stderr, "usage: client udp|libc ADDRESS FIRST COUNT SEED <names\n");
        return 2;
    }
    ask = strcmp(argv[1], "udp") ? ask_libc : ask_udp;
    if (ask == ask_udp)
        connect_to(argv[2]);
    count = atol(argv[4]);
    drawn = strtoull(argv[5], NULL, 10) * 2654435761u + 88172645463325252u;
    took = calloc(count, sizeof *took);
    while (names < MOST_NAMES && scanf("%255s", questions[names].name) == 1)
        encode(&questions[names++]);
    if (!names || !took)
        return 2;
    for (long number = 0; number < names * atol(argv[3]); number++)
        bad += !ask(&questions[number % names]);
    for (long number = 0; number < count; number++) {
        struct question *question;
        uint64_t start;

        drawn ^= drawn << 13, drawn ^= drawn >> 7, drawn ^= drawn << 17;
        question = &questions[drawn % names];
        start = now();
        bad += !ask(question);
        took[number] = now() - start;
    }
    printf("%ld\n", bad);
    for (long number = 0; number < count; number++)
        printf("%llu\n", (unsigned long long)took[number]);
    return 0;
}
