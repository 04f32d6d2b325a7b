using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Routing;

namespace LowLatency.Server.Inspection;

/// <summary>Names of what records speak of by id, as defined at that place of the journal. Bounded by what is defined at once, and what virtual hosts held that were deleted.</summary>
/// <remarks>What is in a virtual host other than <c>/</c> has that one's name before its own: <c>desk/orders</c>.</remarks>
internal sealed class JournalNames
{
    private static readonly string[] BuiltIns = ["amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match"];

    private readonly Dictionary<uint, string> _hosts = new() { [0] = "/" };
    private readonly Dictionary<uint, string> _queues = [];
    private readonly Dictionary<uint, string> _exchanges = new() { [0] = "" };
    private readonly Dictionary<uint, string> _publishers = [];
    private readonly string? _selected;

    /// <param name="selected">Name of the queue that is looked for: <c>orders</c>, <c>desk/orders</c>, <c>//orders</c>.</param>
    internal JournalNames(string? selected = null)
    {
        _selected = selected;
        DefineBuiltIns(1, "/");
    }

    /// <summary>Ids of the queue that is looked for; of more than one where it was deleted and declared again.</summary>
    internal HashSet<uint> SelectedQueues { get; } = [];

    /// <summary><c>null</c>: not durable, or not defined in what was read.</summary>
    internal string? Host(uint id) => _hosts.GetValueOrDefault(id);

    /// <inheritdoc cref="Host"/>
    internal string? Queue(uint id) => _queues.GetValueOrDefault(id);

    /// <summary><c>null</c> as with queues; empty for the default exchange.</summary>
    internal string? Exchange(uint id) => _exchanges.GetValueOrDefault(id);

    /// <summary><c>null</c>: not in what was read, or forgotten.</summary>
    internal string? Publisher(uint id) => _publishers.GetValueOrDefault(id);

    /// <summary>Name of a queue, from its place in the topology of a replay.</summary>
    internal static string NameOf(Core.Queues.BrokerQueue queue) => Qualify(queue.Host.DisplayName, queue.DisplayName);

    /// <summary>Whether a text means that queue.</summary>
    internal static bool IsNamed(string name, string text) => name == text || (text.StartsWith("//", StringComparison.Ordinal) && name == text[2..]);

    /// <summary>Takes up what a record defines. Before the record is looked at.</summary>
    internal void Define(in JournalRecord record)
    {
        var reader = new ControlRecordReader(record.Body);
        switch (record.Type)
        {
            case RecordType.DefineVirtualHost:
                uint host = reader.U32();
                uint firstExchange = reader.U32();
                _hosts[host] = NameRules.Text(reader.String());
                DefineBuiltIns(firstExchange, _hosts[host]);
                break;
            case RecordType.DefineQueue:
                DefineQueue(ref reader);
                break;
            case RecordType.DefineExchange:
                uint exchange = reader.U32();
                string of = Host(reader.U32()) ?? "?";
                reader.U32();
                reader.U8();
                _exchanges[exchange] = Qualify(of, NameRules.Text(reader.String()));
                break;
            case RecordType.DefinePublisher:
                _publishers[reader.U32()] = NameRules.Text(reader.String());
                break;
        }
    }

    /// <summary>Gives up what a record ends. After the record was looked at.</summary>
    internal void Forget(in JournalRecord record)
    {
        Dictionary<uint, string>? names = record.Type switch
        {
            RecordType.DeleteVirtualHost => _hosts,
            RecordType.DeleteQueue => _queues,
            RecordType.DeleteExchange => _exchanges,
            RecordType.ForgetPublisher => _publishers,
            _ => null,
        };
        names?.Remove(new ControlRecordReader(record.Body).U32());
    }

    private void DefineQueue(ref ControlRecordReader reader)
    {
        uint id = reader.U32();
        string host = Host(reader.U32()) ?? "?";
        reader.I64();
        reader.U32();
        string name = Qualify(host, NameRules.Text(reader.String()));
        _queues[id] = name;
        if (_selected != null && IsNamed(name, _selected))
            SelectedQueues.Add(id);
    }

    private void DefineBuiltIns(uint first, string host)
    {
        for (uint i = 0; i < BuiltIns.Length; i++)
            _exchanges[first + i] = Qualify(host, BuiltIns[i]);
    }

    private static string Qualify(string host, string name) => host == "/" ? name : $"{host}/{name}";
}
