#include "cli/command.h"

int main(int argc, char** argv) { return qrun::cli_main(argc, argv); }
