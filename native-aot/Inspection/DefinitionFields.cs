using LowLatency.Core.Engine;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Inspection;

/// <summary>Fields of definitions, in the order in which <see cref="BrokerEngine"/> writes and replays them.</summary>
internal static class DefinitionFields
{
    internal static void WriteHost(RecordJson json, in JournalRecord record)
    {
        var reader = new ControlRecordReader(record.Body);
        json.Json.WriteNumber("virtualHostId", reader.U32());
        json.Json.WriteNumber("firstExchangeId", reader.U32());
        FieldJson.Text(json.Json, "virtualHost", reader.String());
        json.Arguments(reader.Table());
    }

    internal static void WriteHostId(RecordJson json, in JournalRecord record)
    {
        uint id = new ControlRecordReader(record.Body).U32();
        WriteHostName(json, id);
        json.Json.WriteNumber("virtualHostId", id);
    }

    internal static void WriteQueue(RecordJson json, in JournalRecord record)
    {
        var reader = new ControlRecordReader(record.Body);
        json.Queue(reader.U32());
        WriteHostName(json, reader.U32());
        json.Json.WriteNumber("maxLength", reader.I64());
        json.Json.WriteString("flags", ((QueueFlags)reader.U32()).ToString());
        reader.String();
        json.Arguments(reader.Table());
    }

    internal static void WriteQueueId(RecordJson json, in JournalRecord record) => json.Queue(new ControlRecordReader(record.Body).U32());

    internal static void WriteExchange(RecordJson json, in JournalRecord record)
    {
        var reader = new ControlRecordReader(record.Body);
        uint id = reader.U32();
        json.Exchange("exchange", id);
        json.Json.WriteNumber("exchangeId", id);
        WriteHostName(json, reader.U32());
        json.Json.WriteString("flags", ((ExchangeFlags)reader.U32()).ToString());
        json.Json.WriteString("kind", ((ExchangeKind)reader.U8()).ToString());
        reader.String();
        json.Arguments(reader.Table());
    }

    internal static void WriteExchangeId(RecordJson json, in JournalRecord record) => json.Exchange("exchange", new ControlRecordReader(record.Body).U32());

    internal static bool BindingConcerns(in JournalRecord record, HashSet<uint> queues)
    {
        var reader = new ControlRecordReader(record.Body);
        bool toExchange = (reader.U32() & (uint)BindFlags.ToExchange) != 0;
        _ = reader.U32();
        return !toExchange && queues.Contains(reader.U32());
    }

    internal static void WriteBinding(RecordJson json, in JournalRecord record)
    {
        var reader = new ControlRecordReader(record.Body);
        bool toExchange = (reader.U32() & (uint)BindFlags.ToExchange) != 0;
        json.Exchange("exchange", reader.U32());
        uint destination = reader.U32();
        if (toExchange)
            json.Exchange("toExchange", destination);
        else
            json.Queue(destination);
        FieldJson.Text(json.Json, "key", reader.String());
        json.Arguments(reader.Table());
    }

    internal static void WritePublisher(RecordJson json, in JournalRecord record)
    {
        var reader = new ControlRecordReader(record.Body);
        json.Json.WriteNumber("publisherId", reader.U32());
        FieldJson.Text(json.Json, "publisher", reader.String());
    }

    internal static void WritePublisherId(RecordJson json, in JournalRecord record)
    {
        uint id = new ControlRecordReader(record.Body).U32();
        if (json.Names.Publisher(id) is { } name)
            json.Json.WriteString("publisher", name);
        json.Json.WriteNumber("publisherId", id);
    }

    private static void WriteHostName(RecordJson json, uint id)
    {
        if (json.Names.Host(id) is { } name)
            json.Json.WriteString("virtualHost", name);
    }
}
