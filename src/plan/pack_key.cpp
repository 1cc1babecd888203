#include "plan/pack_key.h"

#include "config/fields/run.h"

namespace qrun {

std::string pack_key(const RunSpec& run) {
  config::TextSink text(config::Quoting::kHashed);
  config::write_run(run, {text, config::kOfPack});
  return text.take();
}

}  // namespace qrun
