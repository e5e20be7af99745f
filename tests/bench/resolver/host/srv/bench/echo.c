// The floor: sends each query back as an answer without records. echo ADDRESS PORT
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    struct sockaddr_in own = {.sin_family = AF_INET}, asker;
    unsigned char message[4096];
    int channel = socket(AF_INET, SOCK_DGRAM, 0);

    if (argc != 3 || inet_pton(AF_INET, argv[1], &own.sin_addr) != 1) {
        fprintf(stderr, "usage: echo ADDRESS PORT\n");
        return 2;
    }
    own.sin_port = htons(atoi(argv[2]));
    if (bind(channel, (struct sockaddr *)&own, sizeof own)) {
        perror("bind");
        return 1;
    }
    for (;;) {
        socklen_t length = sizeof asker;
        ssize_t size = recvfrom(channel, message, sizeof message, 0, (struct sockaddr *)&asker, &length);
        if (size < 12)
            continue;
        message[2] |= 0x80; // an answer
        message[3] |= 0x80; // from a server that resolves: libc would ask the next one otherwise
        sendto(channel, message, size, 0, (struct sockaddr *)&asker, length);
    }
}
