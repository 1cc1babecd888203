#include "config/fields/init.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/enum_names.h"

namespace qrun::config {
namespace {

static_assert(names_all_to(InitType::kUniform));
static_assert(names_all_to(Fan::kAverage));

struct Ends {
  double low = 0, high = 0;
};

struct GivenInit {
  std::optional<Fan> xavier, he;
  std::optional<Ends> uniform;
  std::optional<double> gaussian, mean, constant;
  std::optional<std::int64_t> sparse;
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
constexpr auto one(const char* name, const char* about) {
  return field<GivenInit>(name, about, Role::kNumber)
      .template read_by<read_one<member, range>>()
      .template described_by<schema_of_one<range>>()
      .nullable();
}

template <std::optional<Fan> GivenInit::*member>
void read_fan(GivenInit& init, const Value& value) {
  init.*member = static_cast<Fan>(read_choice(value, kFanNames).value_or(0));
}
Node schema_of_fan() { return schema_of_choice(kFanNames); }
template <std::optional<Fan> GivenInit::*member>
constexpr auto by_fan(InitType type, const char* about) {
  return field<GivenInit>(name_of(type), about, Role::kNumber)
      .template read_by<read_fan<member>>()
      .template described_by<schema_of_fan>()
      .nullable();
}

void read_uniform(GivenInit& init, const Value& value) {
  init.uniform.emplace();
  if (!value.node.is_list() || value.node.items.size() != 2)
    return value.fail_kind("a list of two numbers, the ends, is wanted");
  const std::optional<double> low = read_number(value.item(0), kAnyNumber);
  const std::optional<double> high = read_number(value.item(1), kAnyNumber);
  if (!low || !high) return;
  if (*low > *high) return value.fail("ends below its beginning; give the lower number first");
  init.uniform = {*low, *high};
}
Node schema_of_uniform() { return schema_of_list(or_variable(schema_of_number(kAnyNumber))); }

constexpr IntRange kReached{1, kMaxSize};

void read_sparse(GivenInit& init, const Value& value) {
  init.sparse = static_cast<std::int64_t>(read_integer(value, kReached).value_or(1));
}
Node schema_of_sparse() { return schema_of_integer(kReached); }

constexpr auto kInitFields =
    fields(by_fan<&GivenInit::xavier>(InitType::kXavier, "uniform in +-sqrt(3 / fan)"),
           by_fan<&GivenInit::he>(InitType::kHe, "normal, of deviation sqrt(2 / fan)"),
           field<GivenInit>(name_of(InitType::kUniform), "the ends, [low, high]", Role::kNumber)
               .read_by<read_uniform>()
               .described_by<schema_of_uniform>()
               .nullable(),
           one<&GivenInit::gaussian, kNotNegative>(name_of(InitType::kGaussian), "standard deviation"),
           one<&GivenInit::mean, kAnyNumber>("mean", "of a gaussian"),
           field<GivenInit>("sparse", "of a gaussian: outputs that an input reaches on average", Role::kNumber)
               .read_by<read_sparse>()
               .described_by<schema_of_sparse>()
               .nullable(),
           one<&GivenInit::constant, kAnyNumber>(name_of(InitType::kConstant), "all values"));

std::string wanted(const InitOwner& owner) {
  const std::string all = "{gaussian: deviation}, {uniform: [low, high]} or {constant: value}";
  return owner.is_product ? "xavier, he, " + all : all;
}

/// The types that are given, in the order of the fields.
std::vector<InitType> types_of(const GivenInit& given) {
  std::vector<InitType> types;
  if (given.xavier) types.push_back(InitType::kXavier);
  if (given.he) types.push_back(InitType::kHe);
  if (given.uniform) types.push_back(InitType::kUniform);
  if (given.gaussian) types.push_back(InitType::kGaussian);
  if (given.constant) types.push_back(InitType::kConstant);
  return types;
}

InitSpec spec_of(InitType type, const GivenInit& given) {
  switch (type) {
    case InitType::kXavier: return {.type = type, .fan = *given.xavier};
    case InitType::kHe: return {.type = type, .fan = *given.he};
    case InitType::kUniform: return {.type = type, .value = given.uniform->low, .high = given.uniform->high};
    case InitType::kConstant: return {.type = type, .value = *given.constant};
    case InitType::kGaussian: break;
  }
  return {.type = type, .value = *given.gaussian, .mean = given.mean.value_or(0), .sparse = given.sparse.value_or(0)};
}

void read_map(const Value& value, const InitOwner& owner, std::optional<InitSpec>& init) {
  GivenInit given;
  read_fields(value, kInitFields, given);
  const std::vector<InitType> types = types_of(given);
  if (std::ranges::all_of(value.node.entries, [](const Entry& entry) { return entry.value.is_null(); }))
    return value.fail("says nothing; " + wanted(owner));
  if (types.size() > 1) {
    return value.fail(std::string("gives both ") + name_of(types[0]) + " and " + name_of(types[1]) +
                      "; keep one, or set the other to null");
  }
  const auto fail = [&](const char* key, const std::string& text) {
    value.below(key, *value.node.find(key)).fail(text);
  };
  for (const char* key : {"mean", "sparse"}) {
    const bool is_given = key == std::string_view("mean") ? given.mean.has_value() : given.sparse.has_value();
    if (!is_given || given.gaussian) continue;
    return fail(key, types.empty() ? "is of a gaussian; give that, too"
                                   : std::string("is of a gaussian; ") + name_of(types[0]) + " has none");
  }
  if (types.empty()) return;  // a key is unknown, which was reported
  const bool is_of_products = given.xavier || given.he || given.sparse;
  if (!owner.is_product && is_of_products) {
    return fail(given.sparse ? "sparse" : name_of(types[0]), "is for weights of conv2d and linear; " + wanted(owner));
  }
  if (owner.outputs > 0 && given.sparse.value_or(0) > owner.outputs) {
    return fail("sparse", std::to_string(*given.sparse) + " of " + std::to_string(owner.outputs) +
                              " outputs is more than all; at most " + std::to_string(owner.outputs));
  }
  init = spec_of(types[0], given);
}

}  // namespace

InitSpec init_of(const LayerSpec& layer, Blob blob) {
  if (blob == Blob::kBias) return layer.bias_init.value_or(InitSpec{.type = InitType::kConstant, .value = 0});
  const auto start = []<class Layer>(const Layer& /*own*/) {
    if constexpr (kHasWeightStart<Layer>) {
      return InitSpec{.type = InitType::kConstant, .value = Layer::kWeightStart};
    } else {
      return InitSpec{};
    }
  };
  return layer.init.value_or(std::visit(start, layer.params));
}

void read_init(const Value& value, const InitOwner& owner, std::optional<InitSpec>& init) {
  const Node& node = value.node;
  if (node.is_map()) return read_map(value, owner, init);
  if (!node.is_scalar()) return value.fail_kind(wanted(owner) + " is wanted");
  const std::optional<InitType> type = find_named<InitType>(node.scalar);
  if (!owner.is_product || (type != InitType::kXavier && type != InitType::kHe))
    return value.fail(node.scalar + " is not known; " + wanted(owner));
  init = InitSpec{.type = *type};
}

void write_init(const InitSpec& init, const Writing& to) {
  const bool by_fan = init.type == InitType::kXavier || init.type == InitType::kHe;
  if (by_fan && init.fan == Fan::kIn) return to.sink.text(name_of(init.type));
  to.sink.open(Sink::Collection::kMap);
  to.sink.key(name_of(init.type));
  if (by_fan) {
    to.sink.text(name_of(init.fan));
  } else if (init.type == InitType::kUniform) {
    to.sink.open(Sink::Collection::kList);
    to.sink.number(init.value);
    to.sink.number(init.high);
    to.sink.close();
  } else {
    to.sink.number(init.value);
  }
  if (init.mean != 0) {
    to.sink.key("mean");
    to.sink.number(init.mean);
  }
  if (init.sparse != 0) {
    to.sink.key("sparse");
    to.sink.integer(init.sparse);
  }
  to.sink.close();
}

Node schema_of_init() {
  return schema_any_of({schema_of_choice(std::span(kInitNames).first<2>()), schema_of(kInitFields.rows)});
}

}  // namespace qrun::config
