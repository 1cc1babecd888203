// The configuration that a run file stores: refused by a ConfigError, or what it prints reads back equal.
#include "config/read.h"
#include "core/error.h"
#include "support.h"

namespace qrun::fuzz {

void one_input(std::string_view input) {
  std::string text;
  try {
    text = read_run_text(std::string(input), "stored").text();
  } catch (const ConfigError&) {
    return;
  }
  must_hold(read_run_text(text, "canonical").text() == text, "canonical text reads back equal");
}

}  // namespace qrun::fuzz
