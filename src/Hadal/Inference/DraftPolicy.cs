namespace Hadal.Inference;

/// <summary>
/// Chooses how many tokens are guessed ahead: a fixed number, or as it pays. Then it knows from the steps so far what a step of so
/// many rows takes, what the predictor takes, and how often each guess is right, and takes the number that makes the most tokens
/// a second. Where guessing does not pay the predictor is left out, and tried again when what the last try lost is no more than
/// a fortieth of the time since. The step loop's.
/// </summary>
internal sealed class DraftPolicy
{
    private const int Most = EngineOptions.MostDrafts;

    /// <summary>Of measurements and of guesses, the newest counts so much.</summary>
    private const double Newest = 0.1;

    /// <summary>A guess that was never made is as likely to be right; about as often as a trained predictor's is.</summary>
    private const double Likely = 0.7;

    /// <summary>A step without guesses comes after so many with them, to see what it takes.</summary>
    private const int Refresh = 64;

    /// <summary>As many choices in a row find that guessing does not pay before it ends.</summary>
    private const int Patience = 8;

    /// <summary>The part of the time that tries may lose.</summary>
    private const double Loss = 1.0 / 40;

    private readonly int? _fixed;
    private readonly double[] _forward; // Seconds of a decoding step by rows; 0 where unknown.
    private readonly double[] _right = [Likely, Likely, Likely];
    private double _first; // Seconds of the predictor's first guess; 0 where unknown.
    private double _next; // Seconds of another.
    private int _steps; // Since one without guesses.
    private int _doubts;
    private double _lost; // Seconds of this try, or of the last one.
    private double _since; // Seconds since the last try.

    /// <param name="drafts">A fixed number; null for as it pays.</param>
    /// <param name="mostRows">Rows with logits that a step can have.</param>
    public DraftPolicy(int? drafts, int mostRows)
    {
        _fixed = drafts;
        _forward = new double[mostRows + 1];
        IsOn = drafts != 0;
    }

    /// <summary>Whether the predictor runs.</summary>
    public bool IsOn { get; private set; }

    /// <summary>Tells what a step was.</summary>
    /// <param name="texts">Texts that were being written; 0 for a step with rows of prompts, which tells nothing.</param>
    /// <param name="rows">Rows of theirs.</param>
    /// <param name="tokens">Tokens that came of them.</param>
    /// <param name="forward">Seconds of the model.</param>
    /// <param name="first">Seconds of the predictor's first guesses.</param>
    /// <param name="next">Seconds of each of the others, together.</param>
    /// <param name="passes">How many others there were.</param>
    public void AddStep(
        int texts,
        int rows,
        int tokens,
        double forward,
        double first,
        double next,
        int passes
    )
    {
        if (_fixed is not null)
            return;
        double all = forward + first + next;
        if (!IsOn)
            _since += all;
        if (texts == 0)
            return;
        Mix(ref _forward[rows], forward);
        if (IsOn)
        {
            Mix(ref _first, first);
            if (passes > 0)
                Mix(ref _next, next / passes);
            // What these tokens would have taken one by one.
            if (_forward[texts] > 0)
                _lost = Math.Max(0, _lost + all - _forward[texts] * tokens / texts);
        }
        else if (_since * Loss >= _lost)
        {
            (IsOn, _doubts, _lost, _since) = (true, 0, 0, 0);
            // Other texts may be easier to guess.
            _right.AsSpan().Fill(Likely);
        }
    }

    /// <summary>Tells what became of guesses of a text.</summary>
    /// <param name="made">Guesses.</param>
    /// <param name="right">How many were right, the first ones.</param>
    public void AddGuesses(int made, int right)
    {
        for (int i = 0; i < Math.Min(made, right + 1); i++)
            _right[i] += Newest * ((i < right ? 1 : 0) - _right[i]);
    }

    /// <summary>How many tokens to guess for each of the texts in the next step.</summary>
    /// <param name="texts">Texts that are being written, of which each has a row.</param>
    public int Choose(int texts)
    {
        if (_fixed is { } count)
            return count;
        if (!IsOn || texts == 0)
            return 0;
        // The first steps tell what one without guesses takes.
        if (_forward[texts] == 0 || ++_steps >= Refresh)
        {
            _steps = 0;
            return 0;
        }
        double best = 1 / Forward(texts);
        int chosen = 0;
        double tokens = 1;
        double chance = 1;
        for (int k = 1; k <= Most && texts * (1 + k) < _forward.Length; k++)
        {
            chance *= _right[k - 1];
            tokens += chance;
            double rate = tokens / (Forward(texts * (1 + k)) + Predictor(k));
            if (rate > best)
                (best, chosen) = (rate, k);
        }
        _doubts = chosen == 0 ? _doubts + 1 : 0;
        if (_doubts >= Patience)
            (IsOn, _since) = (false, 0);
        return chosen;
    }

    // Of rows that no step had yet: by the nearest below, and as if half of the time were for the rows.
    private double Forward(int rows)
    {
        int known = rows;
        while (known > 1 && _forward[known] == 0)
            known--;
        return _forward[known] * (0.5 + 0.5 * rows / known);
    }

    private double Predictor(int guesses) => _first + (guesses - 1) * (_next == 0 ? _first : _next);

    private static void Mix(ref double mean, double value) =>
        mean = mean == 0 ? value : mean + Newest * (value - mean);
}
