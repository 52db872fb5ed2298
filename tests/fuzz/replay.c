/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over files that were kept, without libFuzzer: each file named, and
 * each file of a folder named, once. Fails if there was nothing to run. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool run_file(const char *path)
{
    FILE *f = fopen(path, "rb");

    if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
        perror(path);
        return false;
    }
    long len = ftell(f);
    /* Exactly as long as the input, so that the address sanitizer sees a read past it. */
    uint8_t *bytes = len < 0 ? NULL : malloc(len == 0 ? 1 : (size_t)len);
    rewind(f);
    if (bytes == NULL || fread(bytes, 1, (size_t)len, f) != (size_t)len) {
        perror(path);
        return false;
    }
    (void)fclose(f); /* only read from */
    (void)LLVMFuzzerTestOneInput(bytes, (size_t)len);
    free(bytes);
    return true;
}

static bool run_folder(const char *folder, unsigned *n_run)
{
    DIR *dir = opendir(folder);
    bool good = dir != NULL;

    if (!good)
        perror(folder);
    for (struct dirent *entry; good && (entry = readdir(dir)) != NULL;) {
        char path[4096];

        if (entry->d_name[0] == '.')
            continue;
        int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        good = n > 0 && (size_t)n < sizeof(path) && run_file(path);
        *n_run += good;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return good;
}

int main(int argc, char **argv)
{
    unsigned n_run = 0;

    for (int i = 1; i < argc; i++) {
        struct stat info;

        if (stat(argv[i], &info) != 0) {
            perror(argv[i]);
            return EXIT_FAILURE;
        }
        bool good =
            S_ISDIR(info.st_mode) ? run_folder(argv[i], &n_run) : run_file(argv[i]);
        if (!good)
            return EXIT_FAILURE;
        n_run += !S_ISDIR(info.st_mode);
    }
    (void)printf("%u inputs\n", n_run);
    return n_run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
