#include "config/fields/init.h"

#include <algorithm>
#include <optional>

#include "core/enum_names.h"

namespace qrun::config {
namespace {

static_assert(names_all_to(InitType::kConstant));

struct GivenInit {
  std::optional<double> gaussian, constant;
};

template <std::optional<double> GivenInit::*member, const NumberRange& range>
void read_one(GivenInit& init, const Value& value) {
  init.*member = read_number(value, range).value_or(0.0);
}

template <const NumberRange& range>
Node schema_of_one() {
  return schema_of_number(range);
}

template <std::optional<double> GivenInit::*member, const NumberRange& range>
constexpr auto one(InitType type, const char* about) {
  return field<GivenInit>(name_of(type), about, Role::kNumber)
      .template read_by<read_one<member, range>>()
      .template described_by<schema_of_one<range>>()
      .nullable();
}

constexpr auto kInitFields =
    fields(one<&GivenInit::gaussian, kNotNegative>(InitType::kGaussian, "standard deviation"),
           one<&GivenInit::constant, kAnyNumber>(InitType::kConstant, "value of every weight"));

}  // namespace

void read_init(LayerSpec& layer, const Value& value) {
  const std::string wanted = "xavier, he, {gaussian: deviation} or {constant: value}";
  const Node& node = value.node;
  if (node.is_scalar()) {
    if (node.scalar != name_of(InitType::kXavier) && node.scalar != name_of(InitType::kHe))
      return value.fail(node.scalar + " is not known; " + wanted);
    layer.init = {*find_named<InitType>(node.scalar), 0};
  } else if (!node.is_map()) {
    value.fail_kind(wanted + " is wanted");
  } else {
    GivenInit given;
    read_fields(value, kInitFields, given);
    const bool is_given = !std::ranges::all_of(node.entries, [](const Entry& e) { return e.value.is_null(); });
    if (!is_given) value.fail("is not one of the two; " + wanted);
    if (given.gaussian && given.constant)
      value.fail("gives both gaussian and constant; keep one, or set the other to null");
    layer.init = given.gaussian ? InitSpec{InitType::kGaussian, *given.gaussian}
                                : InitSpec{InitType::kConstant, given.constant.value_or(0)};
  }
}

void write_init(const LayerSpec& layer, const Writing& to) {
  const InitSpec& init = layer.init;
  if (init.type == InitType::kXavier || init.type == InitType::kHe) return to.sink.text(name_of(init.type));
  to.sink.open(Sink::Collection::kMap);
  to.sink.key(name_of(init.type));
  to.sink.number(init.value);
  to.sink.close();
}

Node schema_of_init() {
  return schema_any_of({schema_of_choice(std::span(kInitNames).first<2>()), schema_of(kInitFields.rows)});
}

}  // namespace qrun::config
