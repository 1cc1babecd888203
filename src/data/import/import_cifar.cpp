// CIFAR-10 and CIFAR-100, binary or Python batches, plain or .gz.
#include <array>
#include <filesystem>

#include "core/error.h"
#include "data/import/cifar.h"
#include "data/import/folder.h"
#include "data/import/import.h"
#include "data/import/packed_file.h"
#include "data/mean_image.h"

namespace qrun {
namespace {

constexpr std::size_t kLargest = std::size_t{1} << 30;  // of a batch, whose largest have 160 MB
constexpr std::int64_t kTrainItems = 50000, kTestItems = 10000;

/// A form in which a set is published.
struct Form {
  const char* name;
  std::vector<std::string> train;  // files
  std::string test;
  CifarLabels labels;
  bool is_python;
};

std::vector<std::string> five(const std::string& ending) {
  std::vector<std::string> names;
  for (int i = 1; i <= 5; ++i) names.push_back("data_batch_" + std::to_string(i) + ending);
  return names;
}

const std::array<Form, 4>& forms() {
  static const std::array<Form, 4> kForms = {{
      {"CIFAR-10, binary", five(".bin"), "test_batch.bin", {10, 1}, false},
      {"CIFAR-10, Python", five(""), "test_batch", {10, 1}, true},
      {"CIFAR-100, binary", {"train.bin"}, "test.bin", {100, 2}, false},
      {"CIFAR-100, Python", {"train"}, "test", {100, 2}, true},
  }};
  return kForms;
}

std::vector<std::string> missing_of(const std::string& folder, const Form& form) {
  std::vector<std::string> missing;
  for (const std::string& name : form.train) {
    if (find_packed(folder, name).empty()) missing.push_back(name);
  }
  if (find_packed(folder, form.test).empty()) missing.push_back(form.test);
  return missing;
}

/// The form that all files are there of; only one may be there in part.
const Form& form_in(const std::string& folder) {
  const std::string there = what_it_holds(folder);
  const Form* found = nullptr;
  for (const Form& form : forms()) {
    if (missing_of(folder, form).size() == form.train.size() + 1) continue;
    if (found != nullptr)
      throw Error(folder + ": holds two sets: " + found->name + ", and " + form.name + "; leave one of them there");
    found = &form;
  }
  if (found == nullptr)
    throw Error(folder +
                ": no batches of CIFAR; looked for data_batch_1.bin to 5 and test_batch.bin, train.bin and test.bin, "
                "and the same without .bin (plain or .gz), but " +
                there);
  if (const std::vector<std::string> missing = missing_of(folder, *found); !missing.empty())
    throw Error(folder + ": of " + found->name + ", " + some_of(missing) + " is missing (plain or .gz); " + there);
  return *found;
}

void append_file(const std::string& path, const Form& form, LabelledImages& set) {
  const std::vector<std::uint8_t> batch = PackedFile(path).read(kLargest + 1);
  if (batch.size() > kLargest) throw Error(path + ": more than 1 GiB, which no batch has");
  form.is_python ? append_cifar_python(batch, form.labels, path, set)
                 : append_cifar_binary(batch, form.labels, path, set);
}

LabelledImages read_files(const std::string& folder, const Form& form, const std::vector<std::string>& names) {
  LabelledImages set{kCifarShape, {}, {}};
  for (const std::string& name : names) append_file(find_packed(folder, name), form, set);
  return set;
}

void note_items(const char* set, std::int64_t items, std::int64_t whole, Imports& imports) {
  if (items != whole)
    imports.notes.push_back(std::to_string(items) + " " + set + " images, where the whole set has " +
                            std::to_string(whole));
}

}  // namespace

Imports import_cifar(const std::string& from, const std::string& to) {
  const Form& form = form_in(from);
  const LabelledImages train = read_files(from, form, form.train);
  const LabelledImages test = read_files(from, form, {form.test});
  MeanSum sum(kCifarShape);
  for (std::int64_t i = 0; i < train.items(); ++i)
    sum.add(std::span(train.pixels).subspan(static_cast<std::size_t>(i * kCifarShape.size())));
  Imports imports{.sets = write_sets(to, train, test), .mean_image = to + "/mean.binaryproto", .notes = {}};
  write_mean_image(imports.mean_image, sum.mean());
  note_items("training", train.items(), kTrainItems, imports);
  note_items("test", test.items(), kTestItems, imports);
  return imports;
}

}  // namespace qrun
