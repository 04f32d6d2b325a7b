using LowLatency.Core.Engine;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Simulation;

/// <summary>The broker once more, as plain and slow as can be, by the rules of docs/model.md: it is shown every command that the engine took and
/// every event that the engine gave, and throws at the first that is not right.</summary>
/// <remarks>
/// It predicts what is decided by rule (routes, replies, rejects, levels, order, counts, flags) and checks what is the engine's choice (which
/// consumer, how many at a time). For a restart it remembers what was durable after every call of the engine, with the end of the journal then.
/// </remarks>
internal sealed partial class NaiveBroker(BrokerLimits limits)
{
    private readonly SortedDictionary<int, NaiveSession> _sessions = [];
    private NaiveState _state = new();
    private BrokerCore _core = null!;
    private EngineView _engine = null!;
    private long _tailBefore;
    private long _publishedBefore;
    private long _committedBefore;
    private long _nowNs;
    private int _publisherCount;
    private long _storedCount;
    private bool _isShuttingDown;
    private bool _isJournalFailed;

    internal NaiveState State => _state;

    internal IReadOnlyDictionary<int, NaiveSession> Sessions => _sessions;

    /// <summary>Everything that happened to durable state in this run is in the journal.</summary>
    internal bool IsExact { get; private set; } = true;

    private RecordLog Log => _core.Journal!.Log;

    private long Durable => _core.Engine.DurablePosition;

    /// <summary>The journal takes everything, or will as soon as its next segment is there.</summary>
    private bool IsLogOpen => Log.State == JournalState.Open;

    /// <summary>The journal takes nothing now, not even what happens by itself.</summary>
    private bool IsLogBusy => !IsLogOpen || Log.Next == null;

    private bool HasAppended => Log.Tail > _tailBefore;

    internal void Begin(BrokerCore core, MessageReader reader)
    {
        _core = core;
        _engine = new EngineView(core, reader);
        _sessions.Clear();
        _leaving.Clear();
        _leavingExchanges.Clear();
        _toBury.Clear();
        _arrivals.Clear();
        _emptied.Clear();
        _given.Clear();
        _ready.Clear();
        _came.Clear();
        _cameNow.Clear();
        _awaitedExpiries.Clear();
        _isFirstBatch = true;
        _isShuttingDown = false;
        _isJournalFailed = false;
        IsExact = true;
        Remember(tail: 1); // The first record of this run may be cut off; it changes nothing that can be compared then.
        Remember();
    }

    internal void BeginShutdown() => _isShuttingDown = true;

    internal void BeginBatch(long nowNs)
    {
        _nowNs = nowNs;
        // The order of turns is the engine's choice (rule T3).
        _turns = [.. _engine.Due(nowNs, _isFirstBatch)];
        _hotFrom = Log.HotFrom;
        BeforeCall();
    }

    /// <summary>Before each call of the engine.</summary>
    internal void BeforeCall()
    {
        _cameNow.Clear();
        _tailBefore = Log.Tail;
        _publishedBefore = _core.Engine.PublishedCount;
        _committedBefore = _core.Engine.CommittedCount;
    }

    /// <summary>After each call of the engine: sessions whose reply found no room are over.</summary>
    internal void AfterCall()
    {
        PlaceArrivals();
        CheckGiven();
        MarkOverrun();
        Remember();
    }

    internal void MarkOverrun()
    {
        foreach (NaiveSession session in _sessions.Values)
        {
            if (session.Port.Port.IsOverrun && !session.IsOverrun)
            {
                session.IsOverrun = true;
                session.IsFaulted = true;
                session.Port.WasOverrun = true;
            }
        }
    }

    /// <summary>The engine took a command.</summary>
    internal void Apply(SimulatedCommand command)
    {
        switch (command)
        {
            case OpenSession open:
                OnOpenSession(open);
                break;
            case CloseSession close:
                OnCloseSession(close);
                break;
            default:
                if (_sessions.TryGetValue(command.Session, out NaiveSession? session) && !session.IsFaulted)
                    Apply(session, command);
                break;
        }
    }

    private void Apply(NaiveSession session, SimulatedCommand command)
    {
        switch (command)
        {
            case Publish publish:
                OnPublish(session, publish);
                break;
            case Settle settle:
                OnSettle(session, settle);
                break;
            case Credit credit:
                OnCredit(session, credit);
                break;
            case OpenPublication open:
                OnOpenPublication(session, open);
                break;
            case ClosePublication close:
                OnClosePublication(session, close);
                break;
            case Subscribe subscribe:
                OnSubscribe(session, subscribe);
                break;
            case Unsubscribe unsubscribe:
                OnUnsubscribe(session, unsubscribe);
                break;
            case Get get:
                OnGet(session, get);
                break;
            case SessionRequest { Type: CommandType.Recover } recover:
                OnRecover(session, recover);
                break;
            case SessionRequest { Type: CommandType.CommitTransaction } commit:
                OnCommit(session, commit);
                break;
            case SessionRequest { Type: CommandType.RollbackTransaction } rollback:
                Now(session, rollback.Request, EventType.Done, (ulong)session.Transaction.Operations.Count);
                session.Transaction.Clear();
                break;
            case SessionRequest { Type: CommandType.SetMaxUnacked } most:
                session.MaxUnacked = most.Value;
                Now(session, most.Request, EventType.Done);
                break;
            case DeclareQueue declare:
                OnDeclareQueue(session, declare);
                break;
            case DeleteQueue delete:
                OnDeleteQueue(session, delete);
                break;
            case PurgeQueue purge:
                OnPurgeQueue(session, purge);
                break;
            case DeclareExchange declare:
                OnDeclareExchange(session, declare);
                break;
            case DeleteExchange delete:
                OnDeleteExchange(session, delete);
                break;
            case Bind bind:
                OnBind(session, bind);
                break;
            case DeclareVirtualHost declare:
                OnDeclareVirtualHost(session, declare);
                break;
            case DeleteVirtualHost delete:
                OnDeleteVirtualHost(session, delete);
                break;
            default:
                throw new InvalidOperationException($"{command.Type} is unknown to the model.");
        }
    }

    private static void Check(bool condition, string problem)
    {
        if (!condition)
            throw new SimulationException(problem);
    }

    private static void Reply(NaiveSession session, uint request, ExpectedReply reply)
    {
        // What was lost with the session's port was not told.
        if (!session.IsOverrun)
            session.Replies.Add(request, reply);
    }

    private static void Now(NaiveSession session, uint request, EventType type, ulong? count = null) =>
        Reply(session, request, new ExpectedReply(type, ErrorCode.None, 0, 0) { Count = count });

    /// <summary>Answered when the journal is durable up to <paramref name="position"/>, and at the latest when all of it is.</summary>
    private void WhenDurable(NaiveSession session, uint request, EventType type, long position, ulong? count = null)
    {
        if (_isJournalFailed && position > Durable)
            Reply(session, request, new ExpectedReply(EventType.Failed, ErrorCode.JournalFailed, 0, 0));
        else
            Reply(session, request, new ExpectedReply(type, ErrorCode.None, position, Log.Tail) { MayFail = true, Count = count });
    }

    private static void Fail(NaiveSession session, uint request, ErrorCode code) =>
        Reply(session, request, new ExpectedReply(EventType.Failed, code, 0, 0));

    private static void Fault(NaiveSession session, ErrorCode code)
    {
        session.IsFaulted = true;
        Tell(session, new ExpectedEvent(EventType.SessionFault, 0, 0, code, false));
    }

    private static void Tell(NaiveSession session, ExpectedEvent expected)
    {
        if (!session.IsOverrun)
            session.Events.Enqueue(expected);
    }

    /// <summary>Something is removed, with auto-delete exchanges that go along: all of it, or the request fails and nothing is.</summary>
    /// <param name="isJournaled">The thing itself is in the journal.</param>
    /// <param name="isThere">The engine still has it.</param>
    private bool WasRemoved(NaiveSession session, uint request, bool isJournaled, bool isThere)
    {
        Check(!isThere || !HasAppended, "What was to be removed has a record and is there.");
        return isJournaled || isThere ? WasDefined(session, request) : true;
    }

    /// <summary>A definition that has to be journaled: whether it was. If not, the request fails.</summary>
    private bool WasDefined(NaiveSession session, uint request)
    {
        if (HasAppended)
            return true;
        Check(!IsLogOpen, "A durable definition was carried out without a record.");
        Fail(session, request, Log.State == JournalState.Failed ? ErrorCode.JournalFailed : ErrorCode.DiskFull);
        return false;
    }
}
