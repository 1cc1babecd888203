#include "config/fields/joining_layers.h"

#include "config/table/schema.h"

namespace qrun {

void AddLayer::read_coefficients(AddLayer& add, const config::Value& value) {
  if (!value.node.is_list()) return value.fail_kind("a list of numbers is wanted");
  if (value.node.items.empty()) value.fail("is an empty list; give one number an input");
  std::vector<double> read;
  for (std::size_t i = 0; i < value.node.items.size(); ++i) {
    if (const auto one = config::read_number(value.item(i), config::kAnyNumber)) read.push_back(*one);
  }
  if (read.size() == value.node.items.size()) add.coefficients = std::move(read);
}

void AddLayer::write_coefficients(const AddLayer& add, const config::Writing& to) {
  to.sink.open(config::Sink::Collection::kList);
  for (const double one : add.coefficients) to.sink.number(one);
  to.sink.close();
}

config::Node AddLayer::schema_of_coefficients() {
  return config::schema_of_list(config::or_variable(config::schema_of_number(config::kAnyNumber)));
}

}  // namespace qrun
