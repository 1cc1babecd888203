#include "runner/interrupt.h"

#include <unistd.h>

#include <csignal>

namespace qrun {
namespace {

constexpr int kInterruptedExit = 3;
std::atomic<bool> raised{false};

void on_signal(int signal) {
  if (raised.exchange(true) && signal == SIGINT) _exit(kInterruptedExit);
}

}  // namespace

const std::atomic<bool>& interrupted() { return raised; }

void install_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace qrun
