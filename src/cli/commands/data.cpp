#include <fmt/format.h>

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

/// What is not as it must be in the files to import is a mistake of the call.
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

/// Both folders that most of the imports have.
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
  add_digits(command, options, action);
}

}  // namespace

Command data_command() {
  return {.name = "data", .about = "make LMDB databases", .order = 3, .add_options = add_options};
}

}  // namespace qrun
