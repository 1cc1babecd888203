#include "store/run_attributes.h"

#include <optional>

namespace qrun {
namespace {

template <h5::Number T>
void write(const h5::Group& root, const char* name, T value) {
  root.attribute(name, value);
}
void write(const h5::Group& root, const char* name, int value) { root.attribute(name, std::int64_t{value}); }
void write(const h5::Group& root, const char* name, const std::string& value) { root.attribute(name, value); }
void write(const h5::Group& root, const char* name, RunStatus value) { root.attribute(name, name_of(value)); }

template <h5::Number T>
void read(const h5::Group& root, const char* name, T& value) {
  value = root.number<T>(name);
}
void read(const h5::Group& root, const char* name, std::string& value) { value = root.text(name); }
void read(const h5::Group& root, const char* name, RunStatus& value) {
  const std::optional<RunStatus> known = find_named<RunStatus>(root.text(name));
  if (!known || !is_of_file(*known)) root.fail(name, "unknown value " + root.text(name));
  value = *known;
}

}  // namespace

RunAttributes attributes_of(const RunSource& source) {
  RunAttributes run;
  for_each_row(kRunAttributes, [&](const auto& row) {
    if (row.source != nullptr) run.*row.member = row.source(source);
  });
  return run;
}

void write_attributes(const h5::Group& root, const RunAttributes& run) {
  for_each_row(kRunAttributes, [&](const auto& row) {
    if (row.is_of(run) && !row.says_nothing(run)) write(root, row.name, run.*row.member);
  });
}

RunAttributes read_attributes(const h5::Group& root) {
  RunAttributes run;
  for_each_row(kRunAttributes, [&](const auto& row) {
    const bool may_be_missing = row.is_later || row.is_optional;
    if (row.is_of(run) && !(may_be_missing && !root.has_attribute(row.name))) read(root, row.name, run.*row.member);
  });
  return run;
}

}  // namespace qrun
