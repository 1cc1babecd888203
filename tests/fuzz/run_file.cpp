// HDF5: a run file, a checkpoint, a file to quantize. Each is refused by an Error, or read.
#include "store/run_file.h"

#include "core/error.h"
#include "quant/all.h"
#include "store/checkpoint.h"
#include "store/quantize_file.h"
#include "support.h"

namespace qrun::fuzz {

void one_input(std::string_view input) {
  const std::string path = file_of("input.h5", input);
  std::vector<std::string> problems;
  (void)read_checkpoint(path, problems);
  try {
    const RunRecord record = read_run(path, ReadDepth::kAll);
    for (const StoredBlob& blob : record.weights)
      must_hold(
          blob.quantized.codes.empty() || blob.master.empty() || blob.quantized.codes.size() == blob.master.size(),
          "a code a value");
  } catch (const Error&) {
  }
  try {
    (void)quantize_file(path, path_for("output.h5"), {.method = AllQuantizers::find("ulq"), .bits = 2});
  } catch (const Error&) {
  }
}

}  // namespace qrun::fuzz
