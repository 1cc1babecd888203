// Files in a results folder that are not qrun's: they are left alone and do not matter.
#pragma once

#include <string>

#include "core/error.h"

namespace qrun {

/// Whether a file that read_run() has refused belongs to something else: it is of another format, or neither HDF5 nor
/// called like a run.
[[nodiscard]] bool is_foreign(const std::string& path, const Error& refusal);

}  // namespace qrun
