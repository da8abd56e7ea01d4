// A plain C program, with nothing of Samovar in it: the event is on standard input, the answer goes to standard output.
// Standard error is the log, and an exit code other than 0 is a function error.

#include <stdio.h>

// The largest event that the host hands over, with its default limits.
#define EVENT_BYTES_MAX 6291456

static char event[EVENT_BYTES_MAX];

int main(void) {
    size_t length = fread(event, 1, sizeof event, stdin);
    if (ferror(stdin) || length == 0) {
        fputs("there is no event\n", stderr);
        return 1;
    }
    switch (event[0]) {
    case '{': // An object is answered in JSON.
        printf("{\"bytes\":%zu,\"event\":%.*s}", length, (int)length, event);
        return 0;
    case '"': // A text is greeted in plain words, which arrive as a JSON string.
        printf("Hello, %.*s!\n", (int)length - 2, event + 1);
        return 0;
    case 'n': // For `null` nothing is printed, which arrives as `null`.
        return 0;
    default:
        fprintf(stderr, "cannot greet %.*s\n", (int)length, event);
        return 1;
    }
}
