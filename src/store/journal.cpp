#include "store/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace qrun {

void append_journal(const std::string& path, const JournalLine& line) {
  nlohmann::ordered_json json{{"epoch", line.train.epoch}, {"iteration", line.train.iteration},
                              {"loss", line.train.loss},   {"loss_mean", line.train.loss_mean},
                              {"lr", line.train.lr},       {"images_per_second", line.train.images_per_second}};
  if (line.test) {
    json["test_loss"] = line.test->loss;
    json["test_accuracy"] = line.test->accuracy;
  }
  const std::string text = json.dump() + "\n";
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const bool written =
      descriptor >= 0 && write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int reason = errno;
  if (descriptor >= 0) close(descriptor);
  if (!written) throw EnvironmentError("cannot write " + path + ": " + std::strerror(reason));
}

std::vector<JournalLine> read_journal(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error("cannot read " + path);
  std::vector<JournalLine> lines;
  for (std::string text; std::getline(file, text);) {
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("epoch")) continue;
    const auto number = [&](const char* key) {
      return json.contains(key) && json[key].is_number() ? json[key].get<double>() : 0.0;
    };
    JournalLine line;
    line.train = {static_cast<std::int64_t>(number("epoch")),
                  static_cast<std::int64_t>(number("iteration")),
                  number("loss"),
                  number("loss_mean"),
                  number("lr"),
                  number("images_per_second")};
    if (json.contains("test_accuracy"))
      line.test = TestPoint{line.train.epoch, line.train.iteration, number("test_loss"), number("test_accuracy")};
    lines.push_back(line);
  }
  return lines;
}

}  // namespace qrun
