// Fills in `${name}` from `vars` and `${env:NAME}` from the environment.
#pragma once

#include "spec/node.h"
#include "spec/problems.h"

namespace qrun::spec {

/// Replaces every reference below `root` outside `vars`. A scalar that is one whole `${name}` becomes a copy of what
/// it names, marked with its origin; other references become text. An undefined or circular name is reported once,
/// and what uses it becomes broken. Throws ConfigError where the result is over the bounds of a document.
void fill_in_variables(Node& root, Problems& problems);

}  // namespace qrun::spec
