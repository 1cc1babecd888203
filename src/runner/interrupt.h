// SIGINT and SIGTERM: a flag that the training loop reads; a second SIGINT ends the program at once.
#pragma once

#include <atomic>

namespace qrun {

/// Rises with the first signal after install_interrupts().
[[nodiscard]] const std::atomic<bool>& interrupted();

void install_interrupts();

}  // namespace qrun
