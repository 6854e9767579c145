/* SPDX-FileCopyrightText: 2026 The Tercet authors
 * SPDX-License-Identifier: MIT */
/* main.c - tercetd: options of the command line; everything else is in libtercet. */
#include <tercet/internal/server.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"Usage: tercetd [OPTION]...\n"
	"Runs the XMPP server in the foreground.\n"
	"\n"
	"  -c, --config FILE     the configuration (default: " TERCET_SYSCONFDIR "/tercet/tercet.conf)\n"
	"      --check           read and check the configuration, start nothing\n"
	"      --describe MODULE print the options of a module\n"
	"      --format FORMAT   of --describe: text (default) or mdoc\n"
	"  -V, --version         print the version\n"
	"  -h, --help            print this\n"
	"\n"
	"SIGHUP reads the configuration again, SIGTERM and SIGINT stop, SIGUSR1 opens the log\n"
	"file again. Exit status: 0 stopped or checked, 1 failed, 2 wrong usage.\n";

enum { OPT_CHECK = 256, OPT_DESCRIBE, OPT_FORMAT };

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "describe", required_argument, NULL, OPT_DESCRIBE },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int main(int argc, char **argv)
{
	const char *config = TERCET_SYSCONFDIR "/tercet/tercet.conf", *module = NULL;
	bool check = false, mdoc = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			config = optarg;
			break;
		case OPT_CHECK:
			check = true;
			break;
		case OPT_DESCRIBE:
			module = strncmp(optarg, "mod_", 4) == 0 ? optarg + 4 : optarg;
			break;
		case OPT_FORMAT:
			mdoc = strcmp(optarg, "mdoc") == 0;
			break;
		case 'V':
			printf("tercetd %s\n", tct_version());
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tercetd: unexpected argument \"%s\"\n%s", argv[optind], usage);
		return 2;
	}
	tcti_restartable(argv);
	/* Where the libraries of a build tree are is of no concern to what we start. */
	unsetenv("LD_LIBRARY_PATH");
	if (module != NULL)
		return tcti_describe(config, module, mdoc);
	if (!check && geteuid() == 0) {
		fputs("tercetd: it does not run as root: start it as a user of its own, for "
		      "example with \"setpriv --reuid tercet --regid tercet --clear-groups "
		      "tercetd\", or by the service manager\n",
			stderr);
		return 1;
	}
	return tcti_main(config, check);
}
