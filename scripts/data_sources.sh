#!/usr/bin/env bash
# What the scripts that fetch data sets share; each sources this file. A source is a folder, a URL that file names are
# added to, or `deb:PACKAGE/FOLDER`, a folder in a package of Debian's that need not be installed.

# intact FILE.gz MD5: true if it unpacks to bytes of this checksum; compressed files differ in names and dates.
intact() {
  [[ -f $1 ]] && [[ $(gzip -dc "$1" 2>/dev/null | md5sum | cut -d ' ' -f 1) == "$2" ]]
}

# complete FOLDER CHECKSUMS: all files of the list, `md5  name` a line, are there as .gz and intact.
complete() {
  local sum name
  while read -r sum name; do
    intact "$1/$name.gz" "$sum" || return 1
  done <<<"$2"
}

# download URL FILE
download() {
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --connect-timeout 10 --max-time 300 --output "$2" "$1"
  else
    wget --quiet --timeout=10 --tries=1 --output-document="$2" "$1"
  fi
}

# unpack_debian PACKAGE FOLDER TO: files of a package go to TO.
unpack_debian() {
  local unpacked
  command -v apt-get >/dev/null || return 1
  unpacked=$(mktemp -d "$3/deb.XXXXXX")
  (cd "$unpacked" && apt-get download -qq "$1" >&2 && dpkg-deb -x ./*.deb .) && cp "$unpacked/$2"/*.gz "$3/"
  rm -rf "$unpacked"
}

# bring SOURCE TO CHECKSUMS: what the source has of these files.
bring() {
  local sum name
  case $1 in
    http://* | https://*)
      while read -r sum name; do
        intact "$2/$name.gz" "$sum" || download "$1/$name.gz" "$2/$name.gz" || return 1
      done <<<"$3"
      ;;
    deb:*) unpack_debian "$(cut -d / -f 1 <<<"${1#deb:}")" "${1#deb:*/}" "$2" ;;
    *) complete "$1" "$3" && cp "$1"/*.gz "$2/" ;;
  esac
}

# get_idx_set NAME TARGET CHECKSUMS SOURCE...: puts the four files of a set into the folder TARGET, from the first source
# that has them. Exit code 3 where none has.
get_idx_set() {
  local name=$1 target=$2 checksums=$3 source
  shift 3
  complete "$target" "$checksums" && return
  mkdir -p "$target"
  incoming=$(mktemp -d "$target/incoming.XXXXXX")
  trap 'rm -rf "$incoming"' EXIT
  for source in "$@"; do
    [[ $source == *:* || -d $source ]] || continue
    echo "$name: from $source"
    bring "$source" "$incoming" "$checksums" || continue
    complete "$incoming" "$checksums" || continue
    mv "$incoming"/*.gz "$target/"
    return
  done
  not_to_be_had "$name" "$target" "its four .gz files"
}

# not_to_be_had NAME TARGET FILES
not_to_be_had() {
  {
    echo "$1 can't be had: it is not in $2, and no mirror could be reached."
    echo "Put $3 into $2, or into \$QRUN_DATA/$(basename "$2"), and call this again."
  } >&2
  exit 3
}
