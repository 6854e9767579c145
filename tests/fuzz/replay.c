/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* replay.c - runs a fuzz target over files: those given, or all of its corpus
 * (tests/fuzz/corpus/NAME for the program fuzz_NAME, below $TERCET_SOURCE). Not compiled for
 * clang's fuzzer, which has a main of its own. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>

#ifndef TERCET_FUZZER
int main(int argc, char **argv);

static int run(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(1 << 20);
	size_t len;

	if (file == NULL || bytes == NULL) {
		perror(path);
		free(bytes);
		return 1;
	}
	len = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	bytes = realloc(bytes, len > 0 ? len : 1); /* so that a sanitizer sees its end */
	LLVMFuzzerTestOneInput(bytes, len);
	free(bytes);
	return 0;
}

static int run_folder(const char *program)
{
	const char *source = getenv("TERCET_SOURCE"), *name = strrchr(program, '/');
	char path[PATH_MAX];
	struct dirent *entry;
	int failed = 0, count = 0;
	DIR *dir;

	name = name != NULL ? name + 1 : program;
	name = strstr(name, "fuzz_") != NULL ? strstr(name, "fuzz_") + 5 : name;
	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", source != NULL ? source : ".", name);
	dir = opendir(path);
	if (dir == NULL) {
		perror(path);
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		char file[PATH_MAX + 300];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		failed |= run(file);
		count++;
	}
	closedir(dir);
	printf("%d inputs\n", count);
	return failed != 0 || count == 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc < 2)
		return run_folder(argv[0]);
	for (int i = 1; i < argc; i++)
		failed |= run(argv[i]);
	return failed;
}
#endif
