#include "config/table/row.h"
#include "config/yaml/emit.h"

namespace qrun::config {
namespace {

bool is_written(const Row& row, const void* object, const Writing& to) {
  if (row.write == nullptr || (row.roles & to.roles) == 0) return false;
  const bool is_refused = row.is_refused != nullptr && row.is_refused(object);
  return !is_refused && !(row.is_unused != nullptr && row.is_unused(object));
}

bool has_later_default(const Row& row, const void* object) {
  if (row.is_later_default != nullptr) return row.is_later_default(object);
  if (row.later_default == nullptr) return false;
  TreeSink value;
  row.write(row, object, {value});
  return emit_inline(value.take()) == row.later_default;
}

}  // namespace

void write_rows(Rows rows, const void* object, const Writing& to) {
  for (const Row& row : rows) {
    if (!is_written(row, object, to)) continue;
    if (to.skips_later && has_later_default(row, object)) continue;
    to.sink.key(row.name);
    row.write(row, object, to);
  }
}

void write_parts(std::span<const ConstPart> parts, const Writing& to) {
  to.sink.open(Sink::Collection::kMap);
  for (const ConstPart& part : parts) write_rows(part.rows, part.object, to);
  to.sink.close();
}

}  // namespace qrun::config
