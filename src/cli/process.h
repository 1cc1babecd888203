// What the program has from whoever started it: its streams and signals.
#pragma once

#include <string>

namespace qrun {

/// Prepares the process, once, first of all. Standard streams that are closed are opened on nothing, so that no file
/// gets their numbers and with them the log. A closed pipe and a file at its size limit are errors of the write and end
/// nothing. Memory whose file was cut ends the program with a line that says so (exit code 4).
void settle_process();

/// Writes to stdout, through to the file or pipe. False where the reader has gone. Throws EnvironmentError where it
/// fails otherwise.
bool print(const std::string& text);

}  // namespace qrun
