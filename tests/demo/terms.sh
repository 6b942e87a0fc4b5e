# Gives the example in contract.toml the datasets and questions of the file $1; its head and its builds stay.
with_terms() {
    {
        sed '/^\[\[dataset\]\]/,$d' contract.toml
        cat "$1"
        sed -n '/^\[\[build\]\]/,$p' contract.toml
    } > edited.toml
    mv edited.toml contract.toml
}
