# The room of the retail demo, for the scripts beside this one. They set `bin` (programs) and `questions` (this folder).

parties="agency retailer brand"
datasets="assigned video display exposures loyalty crm"
asked="reach overlap lift attribution"

# Writes contract.toml, which nobody has signed, of the three parties whose folders are here.
write_contract() {
    "$bin/glovebox-host" pcrs --simulated > build.json
    run "$bin/glovebox" contract new --name autumn --kind overlap \
        --party agency/party.toml --party retailer/party.toml --party brand/party.toml --pcrs build.json -o contract.toml
    with_terms "$questions/terms.toml"
}

# Asks all questions in one process, and leaves their results in folders that begin with $1.
rehearse() {
    prefix=$1
    shift
    for question in $asked; do
        "$bin/glovebox" try --contract contract.toml --job "$questions/$question.toml" \
            $(for dataset in $datasets; do echo "--data $dataset=data/$dataset.csv"; done) \
            --output "$prefix$question" "$@" > /dev/null 2>&1
    done
}

# Compares the results in folders that begin with $2 with DuckDB's.
compare() {
    "$python" "$questions/check.py" "$1" data $(for question in $asked; do echo "$2$question/result.json"; done)
}
