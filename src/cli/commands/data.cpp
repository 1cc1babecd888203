#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "cli/command.h"
#include "cli/paths.h"
#include "cli/process.h"
#include "core/error.h"
#include "core/log.h"
#include "core/text.h"
#include "data/import/import.h"

namespace qrun {
namespace {

struct Options {
  std::string from, to;
  IdxOptions idx;
  ImageOptions images;
  std::int64_t train = 60000, test = 10000;
  std::uint64_t data_seed = 1;
};

int report(const Imports& imports) {
  set_up_log(LogLevel::kNormal, "");
  for (const std::string& note : imports.notes) spdlog::info("{}", note);
  for (const Imported& set : imports.sets) print(fmt::format("{}: {} items\n", set.path, set.items));
  if (!imports.mean_image.empty()) print(fmt::format("{}: mean of the training images\n", imports.mean_image));
  return kAllComplete;
}

/// Returns an action that imports: what is not as it must be in the files is a mistake of the call.
template <class Import>
Action import_action(const Import& import) {
  return [import] {
    constexpr std::size_t kMost = 1000;
    try {
      return report(import());
    } catch (const EnvironmentError&) {
      throw;
    } catch (const Error& error) {
      throw ConfigError({"qrun: " + legible(error.what(), kMost)});
    }
  };
}

/// Adds both folders that most of the imports have.
void add_folders(CLI::App& command, Options& options, const char* from) {
  as_path(command.add_option("--from", options.from, from))->required();
  as_path(command.add_option("--to", options.to, "folder for train_lmdb and test_lmdb"))->required();
}

void add_idx(CLI::App& data, const std::shared_ptr<Options>& options, Action& action) {
  CLI::App* command = data.add_subcommand("mnist", "from idx files as MNIST's, plain or .gz");
  add_folders(*command, *options, "folder of the four idx files");
  command->add_option("--set", options->idx.set, "of several in the folder: the prefix of its files, emnist-letters");
  command
      ->add_option("--first-label", options->idx.first_label,
                   "the label that becomes 0; default: 0, or 1 where there is no 0 and labels begin at 1")
      ->check(CLI::Range(0, 255));
  command->footer("Example: qrun data mnist --from data/mnist --to data/mnist");
  command->callback([options, &action] {
    action = import_action([options] { return import_idx(options->from, options->to, options->idx); });
  });
}

void add_cifar(CLI::App& data, const std::shared_ptr<Options>& options, Action& action) {
  CLI::App* command = data.add_subcommand("cifar10", "from batches of CIFAR-10 or CIFAR-100, binary or Python");
  add_folders(*command, *options, "folder of the batches, plain or .gz");
  command->footer("Example: qrun data cifar10 --from data/cifar10 --to data/cifar10");
  command->callback(
      [options, &action] { action = import_action([options] { return import_cifar(options->from, options->to); }); });
}

/// Reads `32x48`: height and width.
std::optional<ImageSize> parse_size(const std::string& text) {
  constexpr std::int64_t kLargest = 1 << 14;
  ImageSize size;
  const char* const end = text.data() + text.size();
  const auto height = std::from_chars(text.data(), end, size.height);
  if (height.ec != std::errc{} || height.ptr == end || *height.ptr != 'x') return std::nullopt;
  const auto width = std::from_chars(height.ptr + 1, end, size.width);
  if (width.ec != std::errc{} || width.ptr != end) return std::nullopt;
  const auto fits = [](std::int64_t side) { return side >= 1 && side <= kLargest; };
  return fits(size.height) && fits(size.width) ? std::optional(size) : std::nullopt;
}

void add_images(CLI::App& data, const std::shared_ptr<Options>& options, Action& action) {
  CLI::App* command = data.add_subcommand("images", "from PNG and JPEG files, a folder a class");
  add_folders(*command, *options, "holds train and test with a folder a class each, or the folders of classes");
  command
      ->add_option_function<std::string>(
          "--size", [options](const std::string& text) { options->images.size = parse_size(text); },
          "HEIGHTxWIDTH that all images are brought to, bilinear with antialiasing")
      ->check([](const std::string& text) {
        return parse_size(text) ? "" : text + " is no HEIGHTxWIDTH of 1 to 16384, such as 32x32";
      });
  command->add_flag("--gray", options->images.gray, "one channel; otherwise three: blue, green, red");
  command->footer("Example: qrun data images --from photos --to data/photos --size 64x64");
  command->callback([options, &action] {
    action = import_action([options] { return import_images(options->from, options->to, options->images); });
  });
}

void add_digits(CLI::App& data, const std::shared_ptr<Options>& options, Action& action) {
  CLI::App* command = data.add_subcommand("synthetic-digits", "of drawn digits, 28 x 28");
  as_path(command->add_option("--to", options->to, "folder for train_lmdb and test_lmdb"))->required();
  const CLI::Range items(1, 10000000);
  command->add_option("--train", options->train, "training items")->capture_default_str()->check(items);
  command->add_option("--test", options->test, "test items")->capture_default_str()->check(items);
  command->add_option("--data-seed", options->data_seed, "another seed draws other digits")->capture_default_str();
  command->footer("Example: qrun data synthetic-digits --to data/digits");
  command->callback([options, &action] {
    action = import_action(
        [options] { return import_synthetic_digits(options->to, options->train, options->test, options->data_seed); });
  });
}

void add_options(CLI::App& command, Action& action) {
  auto options = std::make_shared<Options>();
  command.require_subcommand(1);
  command.footer("Example: qrun data mnist --from data/mnist --to data/mnist");
  add_idx(command, options, action);
  add_cifar(command, options, action);
  add_images(command, options, action);
  add_digits(command, options, action);
}

}  // namespace

Command data_command() {
  return {.name = "data", .about = "make LMDB databases", .order = 3, .add_options = add_options};
}

}  // namespace qrun
